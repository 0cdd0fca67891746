//! The smallest wrapper: every verb goes to the delegate, nothing is added.
//!
//! It shows what the toolkit does by itself, and what it costs.

struct Nothing;

impl cni_wrapper::Middleware for Nothing {
    type Config = serde::de::IgnoredAny;
}

fn main() -> std::process::ExitCode {
    cni_wrapper::run(cni_wrapper::about!(), Nothing)
}
