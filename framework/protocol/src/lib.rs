//! The types of the [Container Network Interface](https://www.cni.dev/docs/spec/), without loss.
//!
//! For everything that takes part in the protocol: plugins, wrappers of plugins, runtimes, and
//! tools that test them. All versions of the specification from 0.1.0 to 1.1.0 are supported.
//!
//! ```
//! use cni_protocol::{AddResult, SpecVersion};
//!
//! let printed = br#"{"cniVersion":"1.0.0","ips":[{"address":"10.0.0.2/24"}],"vendor":1.50}"#;
//! let result = AddResult::parse(printed, SpecVersion::V1_0_0)?;
//! assert_eq!(result.ips()[0].prefix, 24);
//! let old = result.convert(SpecVersion::V0_2_0)?;
//! assert_eq!(
//!     old.to_bytes(),
//!     b"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.0.2/24\"},\"vendor\":1.50}\n"
//! );
//! # Ok::<(), cni_protocol::result::ResultError>(())
//! ```
//!
//! # Principles
//!
//! - *Lossless.* A configuration and a result are kept as the JSON objects that were read. Typed
//!   views read from these objects and never replace them: unknown keys, the order of keys and the
//!   digits of numbers survive.
//! - *Synchronous and small.* No process is started, nothing is logged, and there is no runtime.
//!   The only dependencies are serde, serde_json and helpers of theirs.
//! - *Errors name the place.* Each message contains the variable or the path of the key, and the
//!   value that was found.
//!
//! # Where to start
//!
//! A plugin reads its call with [`Request::read`] and prints an [`AddResult`] or an
//! [`ErrorObject`]. A runtime reads what a plugin printed with [`AddResult::parse`] and
//! [`ErrorObject::read`].

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod attachment;
pub mod config;
mod environment;
mod error;
mod error_object;
mod hex;
pub mod json;
pub mod keys;
pub mod mesos;
pub mod reference;
mod request;
pub mod result;
mod verb;
mod version;

pub use attachment::{Attachment, check_container_id, check_ifname, check_network};
pub use config::is_plugin_name;
pub use environment::{CniArgs, Environment};
pub use error::RequestError;
pub use error_object::ErrorObject;
pub use hex::hex;
pub use json::Object;
pub use request::{Rejection, Request};
pub use result::AddResult;
pub use verb::{UnknownVerb, Verb};
pub use version::{SpecVersion, UnknownVersion};
