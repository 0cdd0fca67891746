//! Guards a delegate that is slow or fails at times: a deadline for the whole call, retries, a cap on how many calls run at
//! once on this host, and a circuit breaker.

mod config;
mod guard;

use std::process::ExitCode;

use cni_wrapper::Stack;

fn main() -> ExitCode {
    let stack = Stack::new().with_plugin(|inner| Box::new(guard::Guard::around(inner)));
    cni_wrapper::run(cni_wrapper::about!(), stack)
}
