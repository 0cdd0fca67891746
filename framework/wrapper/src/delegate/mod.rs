//! The innermost plugin of every stack: executes the delegates, or returns the prevResult.

mod answer;
mod chain;
pub mod exec;
mod find;
mod invoke;
pub(crate) mod last_result;
mod leftovers;
pub(crate) mod missing;
mod pass;
mod remedy;
mod selecting;
pub(crate) mod selection;

use cni_protocol::{AddResult, json::quoted};

use crate::{
    call::{Call, Position},
    error::Error,
    plugin::{Plugin, VerbFuture},
};

/// The plugin that every stack ends with.
///
/// It executes the delegates of a call. In the chained position, which has none, its ADD returns
/// the prevResult, and the other verbs have nothing to do.
pub struct Innermost;

impl Plugin for Innermost {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(async move {
            call.refuse_unknown_keys()?;
            match call.position() {
                Position::Wrapper => chain::add(call).await,
                Position::Chained => prev_result(call),
            }
        })
    }

    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(chain::del(call))
    }

    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(async move {
            let result = call.final_result()?;
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

/// Returns the result of the plugins before this one.
///
/// # Errors
///
/// Code 7 if there is no prevResult, or it can't be read.
fn prev_result(call: &Call) -> Result<AddResult, Error> {
    call.prev_result()?.ok_or_else(|| neither_delegate_nor_prev_result(call))
}

fn neither_delegate_nor_prev_result(call: &Call) -> Error {
    let name = call.config.get("type").and_then(|name| name.as_str()).unwrap_or("this-plugin");
    let name = quoted(name);
    Error::config(
        "delegate",
        format!(
            "neither a delegate nor a prevResult is given. Use it as a wrapper: \
             {{\"type\": {name}, \"delegate\": {{\"type\": \"bridge\", …}}, …}}; \
             or chained, after another plugin: \
             {{\"plugins\": [{{\"type\": \"bridge\", …}}, {{\"type\": {name}, …}}]}}"
        ),
    )
}
