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
mod catch_panic;
mod delegate;
mod diagnostics;
mod error;
mod flow;
mod kit;
mod middleware;
mod plugin;
mod prev_result;
mod reply;
mod rollback;
mod run;
mod settings;
mod stack;

pub use cni_protocol::{
    AddResult, Attachment, CniArgs, Environment, ErrorObject, Object, Rejection, Request,
    RequestError, SpecVersion, UnknownVerb, UnknownVersion, Verb, check_container_id, check_ifname,
    check_network, json, result,
};

pub use block_on::block_on;
pub use call::{Call, Position};
pub use delegate::{
    Innermost, exec,
    selection::{DelegateSelector, NamedDelegate, SelectDelegate},
};
pub use error::{DelegateError, DelegateFailure, Error, FileError, Invocation, StoreError};
pub use kit::{
    attachment_store::AttachmentStore,
    conditions::Conditions,
    file_lock::FileLock,
    observer::{DelegateCall, Observer},
    pattern::Pattern,
    private_dir::PrivateDir,
};
pub use middleware::Middleware;
pub use plugin::{Plugin, VerbFuture};
pub use reply::Reply;
pub use run::{About, dispatch, run};
pub use stack::{Layers, Stack};
