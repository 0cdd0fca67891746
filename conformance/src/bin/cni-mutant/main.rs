//! A plugin that is honest but for one sin: it proves that every case of the harness can fail.
//!
//! Profile and sin stand in the name it is started by: `mutant.PROFILE` keeps all requirements, `mutant.PROFILE.CASE` breaks the
//! one of that case and, as far as possible, no other.

mod call;
mod chained;
mod delegate;
mod fault;
mod flow;
mod interface;
mod ipam;
mod output_mutations;
mod reply;
mod rules;
mod shape;
mod state;
mod tools;

use std::process::ExitCode;

fn main() -> ExitCode {
    let call = call::Call::read();
    let mut reply = match flow::answer(&call) {
        Ok(document) => reply::Reply::success(document),
        Err(fault) => reply::Reply::failure(&call, &fault),
    };
    output_mutations::apply(&call, &mut reply);
    reply.print(&call)
}
