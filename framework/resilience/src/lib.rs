//! Deadlines, retries, concurrency limits and circuit breakers for CNI plugins that wrap other CNI
//! plugins.
//!
//! Each is a policy that an author adds to a plugin's own configuration, and each can be used
//! alone:
//!
//! - [`Deadline`] divides a call's time, so that an ADD can be undone before the runtime gives up;
//! - [`Retry`] decides whether and when a failed call is retried;
//! - [`ConcurrencyLimit`] limits how many calls run concurrently on a host;
//! - [`CircuitBreaker`] refuses ADDs for a while after too many have failed.
//!
//! [`ResilientCall`] combines the first three around an inner plugin:
//!
//! ```
//! use cni_resilience::{ConcurrencyLimit, ResilientCall, Retry, Seconds};
//! use cni_wrapper::{Call, Error, Plugin, Verb};
//! use std::path::Path;
//!
//! #[derive(serde::Deserialize)]
//! #[serde(rename_all = "camelCase")]
//! struct Config {
//!     deadline: Seconds,
//!     #[serde(default)]
//!     retry: Retry,
//!     concurrency_limit: Option<ConcurrencyLimit>,
//! }
//!
//! async fn check(inner: &dyn Plugin, call: &Call) -> Result<(), Error> {
//!     let config: Config = call.read_config()?;
//!     let mut resilient = ResilientCall::new(call, Verb::Check, config.deadline.duration())
//!         .with_retry(&config.retry);
//!     if let Some(limit) = &config.concurrency_limit {
//!         resilient = resilient.with_concurrency_limit(limit, Path::new("/run/my-plugin"));
//!     }
//!     Ok(resilient.run(|| inner.check(resilient.call())).await?)
//! }
//! ```
//!
//! `cni-guard` is a plugin that applies all four to any other plugin.

mod call;
mod circuit_breaker;
mod concurrency_limit;
mod deadline;
mod lock_file;
mod network_breaker;
mod retry;
mod seconds;

pub use call::{Failure, ResilientCall};
pub use circuit_breaker::CircuitBreaker;
pub use concurrency_limit::{ConcurrencyLimit, LimitName, Permit};
pub use deadline::Deadline;
pub use network_breaker::{Admission, NetworkBreaker};
pub use retry::Retry;
pub use seconds::Seconds;
