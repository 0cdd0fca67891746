//! Write CNI plugins that wrap other CNI plugins.

mod call;
mod delegate;
mod diagnostics;
mod environment;
mod error;
pub mod exec;
mod flow;
mod middleware;
mod plugin;
mod prev_result;
mod reply;
mod request;
pub mod result;
mod rollback;
mod run;
mod stack;
mod typed;
mod verb;
mod version;

/// A JSON object whose keys keep their order and whose numbers keep their digits.
pub type Object = serde_json::Map<String, serde_json::Value>;

pub use call::{Call, Position};
pub use delegate::Centre;
pub use environment::Environment;
pub use error::{DelegateError, DelegateFailure, Error, ErrorObject, Invocation, code};
pub use middleware::Middleware;
pub use plugin::{Answer, Plugin};
pub use reply::Reply;
pub use request::{
    Attachment, CniArgs, Refusal, Request, check_container_id, check_ifname, check_network,
};
pub use result::AddResult;
pub use run::{About, answer, run};
pub use stack::{Layers, Stack};
pub use verb::{UnknownVerb, Verb};
pub use version::{SpecVersion, UnknownVersion};
