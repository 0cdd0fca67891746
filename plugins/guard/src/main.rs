//! Guards a delegate that is slow or fails at times: a deadline for the whole call, retries, a cap on how many calls run at
//! once on this host, and a circuit breaker.

mod breaker;
mod config;
mod deadline;
mod guard;
mod job;
mod lock;
mod memory;
mod retry;
mod slots;

use std::process::ExitCode;

use cni_wrapper::Stack;

fn main() -> ExitCode {
    let stack = Stack::new().with_plugin(|inner| Box::new(guard::Guard::around(inner)));
    cni_wrapper::run(cni_wrapper::about!(), stack)
}
