//! The profile `interface`: a veth pair.

use std::os::unix::fs::MetadataExt;

use serde_json::{Value, json};

use crate::call::Call;
use crate::fault::Fault;
use crate::shape::{self, Address};
use crate::state::Owner;
use crate::tools::{hash, run, show};

fn host_ifname(owner: &Owner) -> String {
    format!("s{}", owner.key())
}

fn mac(owner: &Owner, end: u8) -> String {
    let hash = hash(&owner.key()).to_be_bytes();
    format!("02:{end:02x}:{:02x}:{:02x}:{:02x}:{:02x}", hash[0], hash[1], hash[2], hash[3])
}

/// Checks that the namespace exists and is not the plugin's own.
pub(crate) fn check_netns(call: &Call) -> Result<(), Fault> {
    let fault = |error: &dyn std::fmt::Display| Fault::new(100, format!("CNI_NETNS: {error}"));
    let theirs = std::fs::metadata(call.netns()).map_err(|error| fault(&error))?;
    let own = std::fs::metadata("/proc/self/ns/net").map_err(|error| fault(&error))?;
    let same = (theirs.dev(), theirs.ino()) == (own.dev(), own.ino());
    match same && !call.is_mutant("environment.own-netns-is-refused") {
        true => Err(fault(&"it is the plugin's own network namespace")),
        false => Ok(()),
    }
}

/// Creates the pair, with the addresses of the IPAM plugin or else one derived from the attachment.
pub(crate) fn add(call: &Call, owner: &Owner, ipam: &Value) -> Result<Value, Fault> {
    let (host, ifname, netns) = (host_ifname(owner), &owner.ifname, call.netns());
    let inside = format!("--net={netns}");
    if call.is_mutant("add.refuses-existing-ifname") {
        // Fails if it does not exist.
        let _ = run(&["nsenter", &inside, "ip", "link", "del", ifname], "");
    }
    let (mut ips, mut routes) = shape::read(ipam);
    if ips.is_empty() {
        let [.., a, b, c] = hash(&owner.key()).to_be_bytes();
        let address = format!("10.{a}.{b}.{}/32", c.clamp(2, 250));
        ips = vec![Address { address, gateway: None, interface: None }];
        routes = vec![json!({ "dst": "0.0.0.0/0" })];
    }
    ips.iter_mut().for_each(|ip| ip.interface = Some(1));
    run(
        &["ip", "-batch", "-"],
        &format!(
            "link add {host} address {} type veth peer name {ifname} address {} netns {netns}\n\
             link set {host} up\n",
            mac(owner, 0),
            mac(owner, 1)
        ),
    )?;
    let mut script = format!("link set {ifname} up\n");
    for ip in &ips {
        let dad = if ip.address.contains(':') { " nodad" } else { "" };
        script.push_str(&format!("address add {} dev {ifname}{dad}\n", ip.address));
    }
    for route in &routes {
        let destination = route["dst"].as_str().unwrap_or_default();
        script.push_str(&format!("route add {destination} dev {ifname}\n"));
    }
    run(&["nsenter", &inside, "ip", "-batch", "-"], &script)?;
    let interfaces = json!([
        { "name": host, "mac": mac(owner, 0) },
        { "name": ifname, "mac": mac(owner, 1), "sandbox": netns },
    ]);
    Ok(shape::result(call, interfaces, &ips, &routes))
}

/// Removes the pair, if it exists.
pub(crate) fn remove(owner: &Owner) {
    // Fails if it does not exist.
    let _ = run(&["ip", "link", "del", &host_ifname(owner)], "");
}

/// Checks that interface, addresses and routes of `prevResult` exist.
pub(crate) fn check(call: &Call, owner: &Owner, prev: &Value) -> Result<(), Fault> {
    let wrong = |what: &str| Err(Fault::new(103, format!("{what} is missing or changed")));
    let shown = show(call.netns(), &["address", "show", "dev", &owner.ifname])?;
    let interfaces = prev["interfaces"].as_array().cloned().unwrap_or_default();
    let own = interfaces.iter().find(|one| one["name"] == owner.ifname.as_str()).cloned();
    let mac = own.unwrap_or_default()["mac"].clone();
    if mac.is_string() && shown[0]["address"] != mac && !call.is_mutant("check.notices-wrong-state")
    {
        return wrong("the MAC address");
    }
    let (ips, routes) = shape::read(prev);
    let present: Vec<String> = shown[0]["addr_info"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|info| info["scope"] == "global")
        .map(|info| format!("{}/{}", info["local"].as_str().unwrap_or_default(), info["prefixlen"]))
        .collect();
    let missing = ips.iter().any(|ip| !present.contains(&ip.address));
    if missing && !call.is_mutant("check.misses-what-was-removed") {
        return wrong("an address");
    }
    let mut known = show(call.netns(), &["-4", "route", "show", "dev", &owner.ifname])?;
    known.extend(show(call.netns(), &["-6", "route", "show", "dev", &owner.ifname])?);
    let destination = |route: &Value| match route["dst"].as_str() {
        Some("0.0.0.0/0" | "::/0") => "default".to_owned(),
        other => other.unwrap_or_default().to_owned(),
    };
    let route_is_missing = routes
        .iter()
        .any(|route| !known.iter().any(|one| one["dst"] == destination(route).as_str()));
    if route_is_missing && !call.is_mutant("check.misses-what-was-removed") {
        return wrong("a route");
    }
    Ok(())
}
