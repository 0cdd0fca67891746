//! All integration tests of this crate, as one binary.

mod codec;
mod nftables_fake;
mod nftables_text;
mod ruleset;

// Tests against the running kernel: they need root and the programs that the feature names.
#[cfg(feature = "host-tests")]
mod conntrack;
#[cfg(feature = "host-tests")]
mod host;
#[cfg(feature = "host-tests")]
mod link;
#[cfg(feature = "host-tests")]
mod made;
#[cfg(feature = "host-tests")]
mod nftables;
#[cfg(feature = "host-tests")]
mod nftables_alike;
#[cfg(feature = "host-tests")]
mod nftables_changes;
#[cfg(feature = "host-tests")]
mod nftables_close;
#[cfg(feature = "host-tests")]
mod nftables_fake_compared;
#[cfg(feature = "host-tests")]
mod nftables_random;
#[cfg(feature = "host-tests")]
mod nftables_refusals;
#[cfg(feature = "host-tests")]
mod route;
#[cfg(feature = "host-tests")]
mod socket;
