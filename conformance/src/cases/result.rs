//! The shape of results.

use std::net::IpAddr;

use super::words::*;

pub(super) const CASES: &[Case] = &[
    Case {
        id: "result.shape-0.1-0.2",
        does: "ADD; looks at the members of the result",
        run: shape_0_1_0_2,
    },
    Case {
        id: "result.shape-0.3-0.4",
        does: "ADD; looks at the members of the result and at the version of each address",
        run: shape_0_3_0_4,
    },
    Case {
        id: "result.addresses-stand-in-ips",
        does: "ADD; looks whether addresses stand in `ip`",
        run: addresses_stand_in_ips,
    },
    Case {
        id: "result.shape-1.0",
        does: "ADD; looks for `version` in the addresses",
        run: shape_1_0,
    },
    Case {
        id: "result.newer-keys-stay-out",
        does: "ADD; looks for the keys that came with 1.1.0 and at their types",
        run: newer_keys_stay_out,
    },
    Case {
        id: "result.addresses-are-well-formed",
        does: "ADD; parses every address in the result",
        run: addresses_are_well_formed,
    },
    Case {
        id: "result.interface-indexes-are-in-range",
        does: "ADD; compares `ips[].interface` with the number of interfaces",
        run: interface_indexes_are_in_range,
    },
    Case {
        id: "result.ipam-has-no-interfaces",
        does: "ADD; looks for interfaces in the result",
        run: ipam_has_no_interfaces,
    },
    Case {
        id: "result.empty-members-are-tolerated",
        does: "ADD; ADD with empty dns, routes and gateways in the result that the plugin gets",
        run: empty_members_are_tolerated,
    },
];

fn result(stage: &Stage) -> Judgement<(Answer, Value)> {
    let answer = stage.attachment("c1").add()?;
    let result = answer.result()?;
    Ok((answer, result))
}

fn only(answer: &Answer, value: &Value, allowed: &[&str]) -> Judgement {
    let keys = value.as_object().into_iter().flat_map(|object| object.keys());
    for key in keys {
        let known = allowed.contains(&key.as_str());
        answer.expect(known, &format!("no key but {}, so not {key:?}", allowed.join(", ")))?;
    }
    Ok(())
}

fn shape_0_1_0_2(stage: &Stage) -> Judgement {
    let (answer, result) = result(stage)?;
    only(&answer, &result, &["cniVersion", "ip4", "ip6", "dns"])?;
    let addresses: Vec<&Value> = ["ip4", "ip6"].iter().filter_map(|key| result.get(key)).collect();
    answer.expect(!addresses.is_empty(), "`ip4` or `ip6`")?;
    for address in addresses {
        only(&answer, address, &["ip", "gateway", "routes"])?;
        answer.expect(address["ip"].is_string(), "an `ip` in `ip4` and `ip6`")?;
        for route in list(address, "routes") {
            only(&answer, route, &["dst", "gw"])?;
        }
    }
    Ok(())
}

fn shape_0_3_0_4(stage: &Stage) -> Judgement {
    let (answer, result) = result(stage)?;
    only(&answer, &result, &["cniVersion", "interfaces", "ips", "ip", "routes", "dns"])?;
    for interface in list(&result, "interfaces") {
        answer.expect(interface["name"].is_string(), "a `name` in each interface")?;
    }
    for ip in list(&result, "ips") {
        let family = if text(ip, "address").contains(':') { "6" } else { "4" };
        answer.expect(ip["version"] == family, &format!("`version` {family:?} in {ip}"))?;
    }
    Ok(())
}

fn addresses_stand_in_ips(stage: &Stage) -> Judgement {
    let (answer, result) = result(stage)?;
    answer.expect(result.get("ip").is_none(), "`ips`, not `ip`")
}

fn shape_1_0(stage: &Stage) -> Judgement {
    let (answer, result) = result(stage)?;
    let tagged = list(&result, "ips").iter().any(|ip| ip.get("version").is_some());
    answer.expect(!tagged, "addresses without `version`")
}

fn newer_keys_stay_out(stage: &Stage) -> Judgement {
    const INTERFACE: [(&str, bool); 3] = [("mtu", true), ("socketPath", false), ("pciID", false)];
    const ROUTE: [(&str, bool); 5] =
        [("mtu", true), ("advmss", true), ("priority", true), ("table", true), ("scope", true)];
    let (answer, result) = result(stage)?;
    let new = stage.version >= SpecVersion::V1_1_0;
    for (members, keys) in [("interfaces", &INTERFACE[..]), ("routes", &ROUTE[..])] {
        for member in list(&result, members) {
            for (key, is_number) in keys {
                let Some(value) = member.get(key) else { continue };
                answer.expect(new, &format!("no {key:?} in {members}, a key of 1.1.0"))?;
                let typed = if *is_number { value.is_u64() } else { value.is_string() };
                let kind = if *is_number { "an unsigned number" } else { "a string" };
                answer.expect(typed, &format!("{key:?} in {members} is {kind}"))?;
            }
        }
    }
    Ok(())
}

fn is_cidr(text: &str) -> bool {
    text.split_once('/').is_some_and(|(address, length)| {
        let bits = if address.contains(':') { 128 } else { 32 };
        is_address(address) && length.parse::<u8>().is_ok_and(|length| length <= bits)
    })
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

fn addresses_are_well_formed(stage: &Stage) -> Judgement {
    let (answer, result) = result(stage)?;
    let slots = ["ip4", "ip6"].map(|key| result.get(key).cloned().unwrap_or_default());
    let ips = list(&result, "ips").iter().map(|ip| (ip, "address"));
    for (ip, key) in ips.chain(slots.iter().filter(|ip| !ip.is_null()).map(|ip| (ip, "ip"))) {
        let (address, gateway) = (text(ip, key), text(ip, "gateway"));
        answer.expect(is_cidr(address), &format!("an address with prefix length: {address:?}"))?;
        let plain = gateway.is_empty() || is_address(gateway);
        answer.expect(plain, &format!("a gateway without prefix length: {gateway:?}"))?;
    }
    let routes = slots.iter().flat_map(|slot| list(slot, "routes"));
    for route in list(&result, "routes").iter().chain(routes) {
        let (dst, gw) = (text(route, "dst"), text(route, "gw"));
        answer.expect(is_cidr(dst), &format!("a destination with prefix length: {dst:?}"))?;
        let plain = gw.is_empty() || is_address(gw);
        answer.expect(plain, &format!("a gateway without prefix length: {gw:?}"))?;
    }
    for server in result.get("dns").map_or(&[][..], |dns| list(dns, "nameservers")) {
        let address = server.as_str().is_some_and(is_address);
        answer.expect(address, &format!("a name server that is an address: {server}"))?;
    }
    Ok(())
}

fn interface_indexes_are_in_range(stage: &Stage) -> Judgement {
    let (answer, result) = result(stage)?;
    let count = list(&result, "interfaces").len() as u64;
    for index in list(&result, "ips").iter().filter_map(|ip| ip.get("interface")) {
        let in_range = index.as_u64().is_some_and(|index| index < count);
        answer.expect(in_range, &format!("an index below {count}, not {index}"))?;
    }
    Ok(())
}

fn ipam_has_no_interfaces(stage: &Stage) -> Judgement {
    let (answer, result) = result(stage)?;
    answer.expect(result.get("interfaces").is_none(), "no `interfaces`")?;
    let indexed = list(&result, "ips").iter().any(|ip| ip.get("interface").is_some());
    answer.expect(!indexed, "no `interface` in `ips`")
}

fn empty_members_are_tolerated(stage: &Stage) -> Judgement {
    let stand_in = stage.stand_in().ok();
    let attachment = stage.attachment("c1");
    let mut given = attachment.given().result(stage.version);
    given["dns"] = json!({});
    given["routes"] = Value::Null;
    given["ips"][0]["gateway"] = "".into();
    let call = match stand_in {
        Some(stand_in) => {
            stand_in.prints("ADD", &given.to_string());
            attachment.call("ADD").noting("with empty members in the delegate's result")
        }
        None => attachment.call("ADD").key("prevResult", given),
    };
    attachment.added(call)?;
    attachment.del()?;
    if prints_empty_dns(stage)? {
        return Err(Stop::Info("an empty `dns` is printed, which says nothing".to_owned()));
    }
    Ok(())
}

fn prints_empty_dns(stage: &Stage) -> Judgement<bool> {
    if let Ok(stand_in) = stage.stand_in() {
        stand_in.obeys("ADD");
    }
    let result = stage.attachment("plain").add()?.result()?;
    Ok(result.get("dns") == Some(&json!({})))
}
