//! Deadlines, retries, caps and circuit breakers, for CNI plugins that wrap other CNI plugins.
//!
//! Each is a policy that an author puts into a plugin's own configuration, as it is or renamed, and each can be used alone:
//!
//! - [`Deadline`] divides a call's time, so that an ADD can be undone before its runtime loses patience;
//! - [`Retry`] says whether and when a failed call is made again;
//! - [`Cap`] bounds how many calls of a host are at work at once;
//! - [`Breaker`] refuses ADDs for a while after too many failed.
//!
//! [`Attempts`] puts the first three together around an inner plugin:
//!
//! ```
//! use cni_resilience::{Attempts, Cap, Retry, Seconds};
//! use cni_wrapper::{Call, Error, Plugin, Verb};
//! use std::path::Path;
//!
//! #[derive(serde::Deserialize)]
//! struct Config {
//!     deadline: Seconds,
//!     #[serde(default)]
//!     retry: Retry,
//!     cap: Option<Cap>,
//! }
//!
//! async fn check(inner: &dyn Plugin, call: &Call) -> Result<(), Error> {
//!     let config: Config = call.read_config()?;
//!     let mut attempts = Attempts::of(call, Verb::Check, config.deadline.0).again(&config.retry);
//!     if let Some(cap) = &config.cap {
//!         attempts = attempts.within(cap, Path::new("/run/my-plugin"));
//!     }
//!     Ok(attempts.run(|| inner.check(attempts.call())).await?)
//! }
//! ```
//!
//! `cni-guard` is a whole plugin of it.

mod attempts;
mod breaker;
mod cap;
mod deadline;
mod memory;
mod retry;
mod seconds;

pub use attempts::{Attempts, Failure};
pub use breaker::Breaker;
pub use cap::{Cap, Name};
pub use deadline::Deadline;
pub use memory::{Memory, Pass};
pub use retry::Retry;
pub use seconds::Seconds;
