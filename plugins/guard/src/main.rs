//! Guards a slow or unreliable delegate: a deadline for the whole call, retries, a limit on
//! concurrent calls on this host, and a circuit breaker.

mod config;
mod plugin;

use std::process::ExitCode;

use cni_wrapper::Stack;

fn main() -> ExitCode {
    let stack = Stack::new().with_plugin(|inner| Box::new(plugin::Guard::new(inner)));
    cni_wrapper::run(cni_wrapper::about!(), stack)
}
