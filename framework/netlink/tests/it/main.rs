//! All integration tests of this crate, as one binary.

mod codec;
mod nftables_fake;
mod nftables_text;
mod ruleset;

// Tests against the running kernel. They require root and the programs that Cargo.toml lists.
#[cfg(feature = "host-tests")]
mod conntrack;
#[cfg(feature = "host-tests")]
mod create;
#[cfg(feature = "host-tests")]
mod host;
#[cfg(feature = "host-tests")]
mod inspect;
#[cfg(feature = "host-tests")]
mod link;
#[cfg(feature = "host-tests")]
mod nftables;
#[cfg(feature = "host-tests")]
mod nftables_changes;
#[cfg(feature = "host-tests")]
mod nftables_close;
#[cfg(feature = "host-tests")]
mod nftables_fake_compared;
#[cfg(feature = "host-tests")]
mod nftables_fake_parity;
#[cfg(feature = "host-tests")]
mod nftables_fake_random;
#[cfg(feature = "host-tests")]
mod nftables_refusals;
#[cfg(feature = "host-tests")]
mod nftables_scan;
#[cfg(feature = "host-tests")]
mod route;
#[cfg(feature = "host-tests")]
mod socket;
#[cfg(feature = "host-tests")]
mod xtables;
