//! Write CNI plugins that wrap other CNI plugins.
//!
//! ```text
//! runtime ──► wrapper plugin ──► delegate plugin            (wrapper: the configuration has a `delegate`)
//! runtime ──► plugin 1 ──► wrapper plugin ──► plugin 3      (chained: it has a `prevResult`)
//! ```
//!
//! An author writes a type with hooks, [`Middleware`], and hands it to [`run`]; the rest is done here: reading and
//! checking the call, running the delegate, forwarding every verb, undoing an ADD that failed, converting results between
//! all versions of the specification, answering with one document. A whole plugin:
//!
//! ```no_run
//! use cni_wrapper::{AddResult, Call, Error, Middleware, about, run};
//!
//! #[derive(serde::Deserialize)]
//! struct Config {
//!     domain: String,
//! }
//!
//! /// Gives every container the network's domain.
//! struct SetDomain;
//!
//! impl Middleware for SetDomain {
//!     type Config = Config;
//!
//!     async fn after_add(
//!         &self,
//!         _: &Call,
//!         config: &Config,
//!         result: &mut AddResult,
//!     ) -> Result<(), Error> {
//!         let mut dns = result.dns();
//!         dns.domain = Some(config.domain.clone());
//!         Ok(result.set_dns(&dns)?)
//!     }
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     run(about!(), SetDomain)
//! }
//! ```
//!
//! # The road of a call
//!
//! | | step | where |
//! |---|---|---|
//! | 1 | environment and stdin become a checked [`Request`], with the delegates taken out a [`Call`] | `request/`, `call.rs` |
//! | 2 | hooks run around the inner plugin, a file for each verb; several middlewares make a [`Stack`] | `middleware.rs`, `flow/`, `stack.rs` |
//! | 3 | at the [`Centre`] delegates are executed (see [`exec`]), or `prevResult` is handed on | `delegate/`, `exec/`, `prev_result.rs` |
//! | 4 | the answer becomes an [`AddResult`] (see [`result`]), on its way out in the version asked for | `result/` |
//! | 5 | a [`Reply`] is printed: the result, or an [`Error`] with the code that [`code`] gives it | `reply.rs`, `error/` |
//! | 5' | an ADD that failed is answered with a DEL of what it began | `rollback.rs` |
//!
//! Below the hooks stands [`Plugin`], the contract of five verbs that every part of a stack keeps.

#[cfg(all(target_env = "musl", feature = "allocator"))]
mod allocator;
mod block_on;
mod call;
mod choice;
mod command;
mod conditions;
mod delegate;
mod diagnostics;
mod environment;
mod error;
pub mod exec;
mod file_lock;
mod flow;
mod json;
mod labels;
mod middleware;
mod notes;
mod observer;
mod pattern;
mod plugin;
mod prev_result;
mod private_dir;
mod renamed_keys;
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
pub use choice::{Candidate, Choose, Choosing};
pub use command::command;
pub use conditions::Conditions;
pub use delegate::Centre;
pub use environment::Environment;
pub use error::{DelegateError, DelegateFailure, Error, ErrorObject, Invocation, code};
pub use file_lock::FileLock;
pub use middleware::Middleware;
pub use notes::Notes;
pub use observer::{Observer, Run};
pub use pattern::Pattern;
pub use plugin::{Answer, Plugin};
pub use private_dir::{FileError, PrivateDir};
pub use renamed_keys::refuse_renamed_keys;
pub use reply::Reply;
pub use request::{
    Attachment, CniArgs, Refusal, Request, check_container_id, check_ifname, check_network,
};
pub use result::AddResult;
pub use run::{About, answer, run};
pub use stack::{Layers, Stack};
pub use verb::{UnknownVerb, Verb};
pub use version::{SpecVersion, UnknownVersion};
