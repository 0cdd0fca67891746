//! Write CNI plugins that wrap other CNI plugins.
//!
//! ```text
//! runtime ──► wrapper plugin ──► delegate plugin          (the configuration has a `delegate`)
//! runtime ──► plugin 1 ──► wrapper plugin ──► plugin 3    (chained: it has a `prevResult`)
//! ```
//!
//! An author writes a type with hooks, [`Middleware`], and passes it to [`run`]. The toolkit does
//! the rest: it reads and checks the call, executes the delegate, forwards every verb, undoes a
//! failed ADD, converts results between all versions of the specification, and prints one document.
//! This is a whole plugin:
//!
//! ```no_run
//! use cni_wrapper::{AddResult, Call, Error, Middleware, about, run};
//!
//! #[derive(serde::Deserialize)]
//! struct Config {
//!     domain: String,
//! }
//!
//! /// Sets the DNS domain of every container to that of the network.
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
//! # The path of a call
//!
//! 1. Environment and stdin are parsed into a [`Request`] (`cni-protocol`), which becomes a
//!    [`Call`] with the delegates (`call.rs`).
//! 2. Hooks run around the inner plugin (`flow/`). Several middlewares form a [`Stack`]
//!    (`stack.rs`).
//! 3. The [`Innermost`] plugin executes the delegates, or returns `prevResult` (`delegate/`).
//! 4. The result is an [`AddResult`] (`cni-protocol`), converted to the version of the call.
//! 5. A [`Reply`] is printed: the result, or an [`Error`] with its code (`reply.rs`, `error/`).
//!
//! A failed ADD is rolled back with a DEL of what it began (`flow/add.rs`, `rollback.rs`), unless
//! the attachment existed before (`attached.rs`).
//!
//! Below the hooks is [`Plugin`], the contract of five verbs that every part of a stack keeps.
//! `kit/` has what authors need beyond hooks: [`AttachmentStore`], [`FileLock`], [`Conditions`] and
//! more.
//!
//! # Types of other crates
//!
//! Public signatures use types of serde, serde_json and `cni-protocol`, which is part of this
//! project and whose types are exported here. There are three exceptions, all of the `cni-plugin`
//! crate, for authors who have code that is written against it. They need the feature `cni-plugin`,
//! which adds 27 crates to the tree:
//!
//! - `CniError` and `ErrorReply` convert to [`Error`], so that such code can be called with `?`.
//! - `Call::network_config` returns its `NetworkConfig`, which has types for `ipam`, `dns` and
//!   `runtimeConfig`.
//!
//! Its `Command` and its result types are not used: they end at version 1.0.0, without GC and
//! STATUS, and drop unknown keys.

mod about;
#[cfg(all(target_env = "musl", feature = "allocator"))]
mod allocator;
mod answer_pipe;
mod async_plugin;
mod attached;
mod call;
mod catch_panic;
mod cleanups;
#[cfg(feature = "cni-plugin")]
mod cni_plugin;
mod delegate;
mod delegates;
mod diagnostics;
mod earlier_add;
mod elsewhere;
mod error;
mod flow;
mod hook_limit;
mod kit;
mod middleware;
mod netns;
mod plugin;
mod reply;
mod rollback;
mod run;
mod settings;
mod stack;

pub use cni_protocol::{
    AddResult, Attachment, CniArgs, Environment, ErrorObject, Object, Rejection, Request,
    RequestError, SpecVersion, UnknownVerb, UnknownVersion, Verb, check_container_id, check_ifname,
    check_network, hex, json, result,
};

pub use about::About;
pub use async_plugin::AsyncPlugin;
pub use call::{Call, Position};
pub use delegate::{
    Innermost, exec,
    selection::{DelegateSelector, DelegateStatus, FailedDelegate, NamedDelegate, SelectDelegate},
};
pub use error::{
    Context, DelegateError, DelegateFailure, Error, FileError, Invocation, StoreError,
};
pub use kit::{
    attachment_store::{AttachmentStore, StoreEntry},
    conditions::Conditions,
    file_lock::FileLock,
    known_keys::warn_of_mistyped_keys,
    liveness::Liveness,
    lock_turns::{HolderWatch, Patience, StillHeld},
    namespace::{MountNamespace, NamespaceFile, NamespaceId, Since},
    network_namespace::NetworkNamespace,
    observer::{DelegateCall, Observer},
    owner_tag::OwnerTag,
    pattern::Pattern,
    private_dir::PrivateDir,
    renamed_keys::refuse_renamed_keys,
    worker::spawn_blocking,
};
pub use middleware::Middleware;
pub use plugin::{Plugin, VerbFuture};
pub use reply::Reply;
pub use run::{block_on, dispatch, run};
pub use stack::{Layers, Stack};

// Compiles the examples of the guide.
#[cfg(doctest)]
#[doc = include_str!("../docs/async.md")]
struct Async;
