//! The innermost plugin of every stack: executes the delegates, or returns the prevResult.

mod answer;
mod chain;
pub mod exec;
mod find;
mod invoke;
mod last_result;
mod pass;
pub(crate) mod selection;

use cni_protocol::AddResult;

use crate::{
    call::{Call, Position},
    error::Error,
    plugin::{Plugin, VerbFuture},
    prev_result,
};

/// The plugin that every stack ends with.
///
/// It executes the delegates of a call. In the chained position, which has none, its ADD returns
/// the prevResult, and the other verbs have nothing to do.
pub struct Innermost;

impl Plugin for Innermost {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(async move {
            match call.position() {
                Position::Wrapper => chain::add(call).await,
                Position::Chained => prev_result::add(call),
            }
        })
    }

    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(chain::del(call))
    }

    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(async move {
            let result = prev_result::final_result(call)?;
            chain::check(call, &result).await
        })
    }

    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(async move { Error::combine(chain::gc(call).await) })
    }

    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(chain::status(call))
    }
}
