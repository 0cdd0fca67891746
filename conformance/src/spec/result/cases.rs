//! Cases: the shape of results.

use std::net::IpAddr;

use crate::spec::prelude::*;

pub(crate) const CASES: &[Case] = &[
    Case {
        id: "result.shape-0.1-0.2",
        does: "ADD; compares the keys of the result",
        run: shape_0_1_0_2,
    },
    Case {
        id: "result.shape-0.3-0.4",
        does: "ADD; compares the keys of the result and the version of each address",
        run: shape_0_3_0_4,
    },
    Case {
        id: "result.addresses-stand-in-ips",
        does: "ADD; expects no `ip` in the result",
        run: addresses_stand_in_ips,
    },
    Case {
        id: "result.shape-1.0",
        does: "ADD; expects no `version` in the addresses",
        run: shape_1_0,
    },
    Case {
        id: "result.newer-keys-stay-out",
        does: "ADD; compares the types of the keys of 1.1.0, which older results must not have",
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
        does: "ADD; expects no interfaces in the result",
        run: ipam_has_no_interfaces,
    },
    Case {
        id: "result.empty-members-are-tolerated",
        does: "ADD with empty dns, routes and gateways in the result that the plugin reads",
        run: empty_members_are_tolerated,
    },
];

fn result(fixture: &Fixture) -> CaseResult<(Response, Value)> {
    let response = fixture.attachment("c1").add()?;
    let result = response.result()?;
    Ok((response, result))
}

fn only(response: &Response, value: &Value, allowed: &[&str]) -> CaseResult {
    let keys = value.as_object().into_iter().flat_map(|object| object.keys());
    for key in keys {
        let known = allowed.contains(&key.as_str());
        response
            .expect(known, &format!("no keys other than {}, so no {key:?}", allowed.join(", ")))?;
    }
    Ok(())
}

fn shape_0_1_0_2(fixture: &Fixture) -> CaseResult {
    let (response, result) = result(fixture)?;
    only(&response, &result, &["cniVersion", "ip4", "ip6", "dns"])?;
    let addresses: Vec<&Value> = ["ip4", "ip6"].iter().filter_map(|key| result.get(key)).collect();
    response.expect(!addresses.is_empty(), "`ip4` or `ip6`")?;
    for address in addresses {
        only(&response, address, &["ip", "gateway", "routes"])?;
        response.expect(address["ip"].is_string(), "`ip` in `ip4` and `ip6`")?;
        for route in list(address, "routes") {
            only(&response, route, &["dst", "gw"])?;
        }
    }
    Ok(())
}

fn shape_0_3_0_4(fixture: &Fixture) -> CaseResult {
    let (response, result) = result(fixture)?;
    only(&response, &result, &["cniVersion", "interfaces", "ips", "ip", "routes", "dns"])?;
    for interface in list(&result, "interfaces") {
        response.expect(interface["name"].is_string(), "a `name` in each interface")?;
    }
    for ip in list(&result, "ips") {
        let family = if text(ip, "address").contains(':') { "6" } else { "4" };
        response.expect(ip["version"] == family, &format!("`version` {family:?} in {ip}"))?;
    }
    Ok(())
}

fn addresses_stand_in_ips(fixture: &Fixture) -> CaseResult {
    let (response, result) = result(fixture)?;
    response.expect(result.get("ip").is_none(), "`ips`, not `ip`")
}

fn shape_1_0(fixture: &Fixture) -> CaseResult {
    let (response, result) = result(fixture)?;
    let has_version = list(&result, "ips").iter().any(|ip| ip.get("version").is_some());
    response.expect(!has_version, "addresses without `version`")
}

fn newer_keys_stay_out(fixture: &Fixture) -> CaseResult {
    const INTERFACE: [(&str, bool); 3] = [("mtu", true), ("socketPath", false), ("pciID", false)];
    const ROUTE: [(&str, bool); 5] =
        [("mtu", true), ("advmss", true), ("priority", true), ("table", true), ("scope", true)];
    let (response, result) = result(fixture)?;
    let new = fixture.version >= SpecVersion::V1_1_0;
    for (members, keys) in [("interfaces", &INTERFACE[..]), ("routes", &ROUTE[..])] {
        for member in list(&result, members) {
            for (key, is_number) in keys {
                let Some(value) = member.get(key) else { continue };
                response.expect(new, &format!("no {key:?} in {members}, a key of 1.1.0"))?;
                let typed = if *is_number { value.is_u64() } else { value.is_string() };
                let kind = if *is_number { "an unsigned number" } else { "a string" };
                response.expect(typed, &format!("{key:?} in {members} is {kind}"))?;
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

fn addresses_are_well_formed(fixture: &Fixture) -> CaseResult {
    let (response, result) = result(fixture)?;
    let slots = ["ip4", "ip6"].map(|key| result.get(key).cloned().unwrap_or_default());
    let ips = list(&result, "ips").iter().map(|ip| (ip, "address"));
    for (ip, key) in ips.chain(slots.iter().filter(|ip| !ip.is_null()).map(|ip| (ip, "ip"))) {
        let (address, gateway) = (text(ip, key), text(ip, "gateway"));
        response.expect(
            is_cidr(address),
            &format!("an address with a prefix length, not {address:?}"),
        )?;
        let plain = gateway.is_empty() || is_address(gateway);
        response.expect(plain, &format!("a gateway without a prefix length, not {gateway:?}"))?;
    }
    let routes = slots.iter().flat_map(|slot| list(slot, "routes"));
    for route in list(&result, "routes").iter().chain(routes) {
        let (dst, gw) = (text(route, "dst"), text(route, "gw"));
        response
            .expect(is_cidr(dst), &format!("a destination with a prefix length, not {dst:?}"))?;
        let plain = gw.is_empty() || is_address(gw);
        response.expect(plain, &format!("a gateway without a prefix length, not {gw:?}"))?;
    }
    for server in result.get("dns").map_or(&[][..], |dns| list(dns, "nameservers")) {
        let address = server.as_str().is_some_and(is_address);
        response.expect(address, &format!("a name server that is an IP address, not {server}"))?;
    }
    Ok(())
}

fn interface_indexes_are_in_range(fixture: &Fixture) -> CaseResult {
    let (response, result) = result(fixture)?;
    let count = list(&result, "interfaces").len() as u64;
    for index in list(&result, "ips").iter().filter_map(|ip| ip.get("interface")) {
        let in_range = index.as_u64().is_some_and(|index| index < count);
        response.expect(in_range, &format!("an index below {count}, not {index}"))?;
    }
    Ok(())
}

fn ipam_has_no_interfaces(fixture: &Fixture) -> CaseResult {
    let (response, result) = result(fixture)?;
    response.expect(result.get("interfaces").is_none(), "no `interfaces`")?;
    let indexed = list(&result, "ips").iter().any(|ip| ip.get("interface").is_some());
    response.expect(!indexed, "no `interface` in `ips`")
}

fn empty_members_are_tolerated(fixture: &Fixture) -> CaseResult {
    let fake_delegate = fixture.fake_delegate().ok();
    let attachment = fixture.attachment("c1");
    let mut input = attachment.input().result(fixture.version);
    input["dns"] = json!({});
    input["routes"] = Value::Null;
    input["ips"][0]["gateway"] = "".into();
    let call = match fake_delegate {
        Some(fake_delegate) => {
            fake_delegate.prints("ADD", &input.to_string());
            attachment.call("ADD").note("with empty members in the delegate's result")
        }
        None => attachment.call("ADD").key("prevResult", input),
    };
    attachment.add_with(call)?;
    attachment.del()?;
    if prints_empty_dns(fixture)? {
        return Err(Stop::Info(
            "the result contains an empty `dns`, which has no meaning".to_owned(),
        ));
    }
    Ok(())
}

fn prints_empty_dns(fixture: &Fixture) -> CaseResult<bool> {
    if let Ok(fake_delegate) = fixture.fake_delegate() {
        fake_delegate.reset("ADD");
    }
    let result = fixture.attachment("plain").add()?.result()?;
    Ok(result.get("dns") == Some(&json!({})))
}
