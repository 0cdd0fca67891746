//! Keys that well-known plugins read. In the object of another plugin they have no effect.

use serde_json::{Map, Value};

/// Keys of the reference plugins, and who reads them.
const KEYS: [(&str, &[&str]); 7] = [
    ("the plugin that creates the interface", &["ipam", "ipMasq", "dns", "mtu"]),
    (
        "bridge",
        &[
            "bridge",
            "isGateway",
            "isDefaultGateway",
            "forceAddress",
            "hairpinMode",
            "promiscMode",
            "vlan",
            "macspoofchk",
        ],
    ),
    ("macvlan or ipvlan", &["master", "mode", "linkInContainer"]),
    ("host-local, below `ipam`,", &["subnet", "rangeStart", "rangeEnd", "gateway", "ranges"]),
    ("tuning", &["sysctl", "promisc", "allmulti", "txQLen"]),
    ("bandwidth", &["ingressRate", "ingressBurst", "egressRate", "egressBurst"]),
    ("firewall", &["ingressPolicy", "iptablesAdminChainName", "firewalldZone"]),
];

/// Returns the keys of an object that well-known plugins read, each with its reader.
pub(super) fn keys(
    object: &Map<String, Value>,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    let all =
        KEYS.into_iter().flat_map(|(reader, keys)| keys.iter().map(move |key| (*key, reader)));
    all.filter(|(key, _)| object.contains_key(*key))
}
