//! The mutant plugin, which proves that every case of the harness can fail.
//!
//! The file name by which it is started selects profile and mutation: `mutant.PROFILE` meets all
//! requirements, `mutant.PROFILE.CASE` violates the one of that case and, as far as possible, no
//! other. What each mutation does is listed next to its case, in `src/spec/AREA/mutants.rs`.

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
    let mut reply = match flow::dispatch(&call) {
        Ok(document) => reply::Reply::success(document),
        Err(fault) => reply::Reply::failure(&call, &fault),
    };
    output_mutations::apply(&call, &mut reply);
    reply.print(&call)
}
