//! Requirements: the shape of results (RES).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(Practice, [
        "result.shape-0.1-0.2",
        "RES-01",
        "Up to 0.2.0 a result contains only `cniVersion`, `ip4`, `ip6` and `dns`, and at least \
         one address.",
    ])
    .until(V0_2_0)
    .on(&[Add]),
    stated(Practice, [
        "result.shape-0.3-0.4",
        "RES-02",
        "From 0.3.0 to 0.4.0 a result contains `interfaces`, `ips`, `routes` and `dns`; the \
         `version` of each address is \"4\" or \"6\".",
    ])
    .since(V0_3_0)
    .until(V0_4_0)
    .on(&[Add]),
    convention(Practice, [
        "result.addresses-stand-in-ips",
        "RES-03",
        "The addresses of a result of 0.3.0 are under `ips`, although specification 0.3.0 calls \
         the key `ip`.",
    ])
    .since(V0_3_0)
    .until(V0_3_0)
    .on(&[Add]),
    stated(Results, [
        "result.shape-1.0",
        "RES-04",
        "From 1.0.0 the addresses in a result have no `version`.",
    ])
    .since(V1_0_0)
    .on(&[Add]),
    stated(Results, [
        "result.newer-keys-stay-out",
        "RES-05",
        "The keys that 1.1.0 added to interfaces and routes are unsigned numbers or strings, and \
         do not occur in older results.",
    ])
    .since(V0_3_0)
    .on(&[Add]),
    stated(Results, [
        "result.addresses-are-well-formed",
        "RES-06",
        "Addresses and destinations have a prefix length, gateways have none, and name servers \
         are IP addresses.",
    ])
    .on(&[Add]),
    stated(Results, [
        "result.interface-indexes-are-in-range",
        "RES-07",
        "`ips[].interface` is an index into `interfaces`.",
    ])
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Interface, Chained, Wrapper]),
    stated(Results, [
        "result.ipam-has-no-interfaces",
        "RES-08",
        "The result of an IPAM plugin has neither `interfaces` nor `ips[].interface`.",
    ])
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Ipam]),
    convention(Practice, [
        "result.empty-members-are-tolerated",
        "RES-09",
        "A plugin tolerates `\"dns\": {}`, `\"routes\": null` and an empty gateway in a result \
         that it reads.",
    ])
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Chained, Wrapper]),
];
