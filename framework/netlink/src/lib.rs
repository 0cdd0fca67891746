//! Configures the Linux network stack over netlink, without helper binaries: nf_tables, connection
//! tracking entries, links, addresses and routes.
//!
//! Everything acts on the network namespace of the calling thread. Every object is a small handle
//! around one [`socket::Socket`]. Nothing is cached, and nothing runs in the background.
//!
//! * [`nftables`]: tables, chains, rules and sets, changed in atomic transactions.
//! * [`conntrack`]: finds and deletes the tracked flows that match a predicate.
//! * [`route`]: looks up the interface for an address and whether it is local, and adds routes.
//! * [`address`]: lists the addresses of links and adds some.
//! * [`link`]: finds links by name or index, adds veth pairs, deletes links and sets them up, sets
//!   hairpin mode of bridge ports, and finds the host ends of a namespace's veths.
//! * [`neighbour`]: whether the machines on a link have answered.
//! * [`sock_diag`]: finds sockets that listen.
//! * [`sysctl`]: reads and changes the kernel's network settings.
//! * [`xtables`]: chains, and the comments of rules, of iptables' legacy variant.
//! * [`message`], [`attribute`], [`socket`]: the codec and the transport underneath.
//! * [`Error`]: the operation, the object, the kernel's reason, and what to do.

pub mod address;
pub mod attribute;
pub mod conntrack;
mod error;
pub mod link;
pub mod message;
pub mod neighbour;
pub mod nftables;
pub mod route;
pub mod sock_diag;
pub mod socket;
pub mod sysctl;
pub mod xtables;

pub use error::{Cause, Error, Malformed, Refusal, errno};

// Compiles the examples of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
