//! The key of the toolkit, the capabilities of runtimes, and the message for unknown keys.

use cni_protocol::keys::nearest;

/// The key that the toolkit adds to those of every plugin.
pub(super) const OF_TOOLKIT: &str = "wrapper";

/// The capabilities of the specification's conventions, and `labels`, which the toolkit reads from
/// Mesos.
pub(super) const CAPABILITIES: [&str; 11] = [
    "portMappings",
    "ipRanges",
    "bandwidth",
    "dns",
    "ips",
    "mac",
    "infinibandGUID",
    "deviceID",
    "aliases",
    "cgroupPath",
    "labels",
];

/// Returns the message for an unknown key.
pub(super) fn unknown(key: &str, known: &[&str]) -> String {
    match nearest(key, known) {
        Some(near) => format!("it is not a known key; did you mean {near}?"),
        None => "it is not a known key".to_owned(),
    }
}
