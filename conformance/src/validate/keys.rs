//! The keys of the toolkit, and the capabilities of runtimes.

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
