//! The order of the steps of each verb, one file per verb: a middleware around an inner plugin.

mod add;
mod check;
mod del;
mod gc;
mod hooks;
mod status;
pub(crate) mod version;
mod wrapped;

use cni_protocol::AddResult;

use crate::{
    call::Call,
    middleware::Middleware,
    plugin::{Plugin, VerbFuture},
};

pub(crate) use add::answer as answer_add;
pub(crate) use wrapped::Wrapped;

impl<M: Middleware + 'static> Plugin for Wrapped<M> {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(add::add(self, call))
    }
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(del::del(self, call))
    }
    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(check::check(self, call))
    }
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(gc::gc(self, call))
    }
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(status::status(self, call))
    }
}
