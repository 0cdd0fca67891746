//! A plugin that is honest but for one sin: it proves that every case of the harness can fail.
//!
//! Profile and sin stand in the name it is started by: `sinner.PROFILE` keeps all requirements, `sinner.PROFILE.CASE` breaks the
//! one of that case and, as far as possible, no other.

mod call;
mod chained;
mod delegate;
mod flow;
mod interface;
mod ipam;
mod reply;
mod rules;
mod shape;
mod state;
mod tamper;
mod tools;

use std::process::ExitCode;

fn main() -> ExitCode {
    let call = call::Call::read();
    let mut reply = match flow::answer(&call) {
        Ok(document) => reply::Reply::success(document),
        Err(fault) => reply::Reply::failure(&call, &fault),
    };
    tamper::tamper(&call, &mut reply);
    reply.print(&call)
}
