//! The smallest wrapper: every verb is forwarded to the delegate, and nothing is added.
//!
//! It shows what the toolkit does on its own, and what that costs.

struct Nothing;

impl cni_wrapper::Middleware for Nothing {
    type Config = serde::de::IgnoredAny;
}

fn main() -> std::process::ExitCode {
    cni_wrapper::run(cni_wrapper::about!(), Nothing)
}
