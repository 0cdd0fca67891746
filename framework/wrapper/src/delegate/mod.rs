//! The centre of a wrapper: delegates executed, or the prevResult of the plugins before.

mod answer;
mod chain;
mod find;
mod invoke;
mod last_result;
mod tell;

use crate::{AddResult, Answer, Call, Error, Plugin, Position, prev_result};

/// What stands at the centre of every stack: whatever the call's position asks for.
pub struct Centre;

impl Plugin for Centre {
    fn add<'a>(&'a self, call: &'a Call) -> Answer<'a, AddResult> {
        Box::pin(async move {
            match call.position() {
                Position::Wrapper => chain::add(call).await,
                Position::Chained => prev_result::add(call),
            }
        })
    }

    fn del<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        Box::pin(chain::del(call))
    }

    fn check<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        Box::pin(async move {
            let result = prev_result::final_result(call)?;
            chain::check(call, &result).await
        })
    }

    fn gc<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        Box::pin(async move { Error::several(chain::gc(call).await).map_or(Ok(()), Err) })
    }

    fn status<'a>(&'a self, call: &'a Call) -> Answer<'a, ()> {
        Box::pin(chain::status(call))
    }
}
