//! What a network tool asks of the Linux kernel, over netlink and without a helper binary: nf_tables,
//! connection tracking entries, links and routes.
//!
//! Everything acts on the network namespace of the calling thread. Every object is a small handle over
//! one [`socket::Socket`]; nothing is cached, nothing runs in the background.
//!
//! * [`nftables`]: tables, chains, rules and sets, changed all at once or not at all.
//! * [`conntrack`]: find and delete exactly the tracked flows that a predicate names.
//! * [`route`]: through which interface an address is reached, whether it is this host's own, and
//!   adding routes.
//! * [`address`]: adding addresses to links.
//! * [`link`]: links by name and index, adding veth pairs, deleting and setting up links, hairpin mode
//!   of bridge ports, the host ends of a namespace's veths.
//! * [`message`], [`attribute`], [`socket`]: the codec and the transport beneath.
//! * [`Error`]: which object, which operation, the kernel's reason, what to do.

pub mod address;
pub mod attribute;
pub mod conntrack;
mod error;
pub mod link;
pub mod message;
pub mod nftables;
pub mod route;
pub mod socket;

pub use error::{Cause, Error, Malformed, Refusal, errno};

// The README's example is compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
