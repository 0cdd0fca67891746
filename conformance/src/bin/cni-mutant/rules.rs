//! Port mappings as nftables rules, in a chain for each attachment.

use std::collections::HashSet;
use std::net::IpAddr;

use serde_json::{Value, json};

use crate::call::Call;
use crate::fault::Fault;
use crate::state::Owner;
use crate::tools::run;

/// Returns the rules for the mappings in the configuration, or an error if one is malformed.
pub(crate) fn desired(call: &Call, address: Option<&str>) -> Result<Vec<String>, Fault> {
    let mappings = mappings(call);
    let (mut rules, mut ports) = (Vec::new(), HashSet::new());
    for mapping in &mappings {
        let port = |key: &str| {
            let port = mapping[key].as_u64().filter(|port| (1..=65535).contains(port));
            port.ok_or_else(|| Fault::new(7, format!("{key}: {} is not a port", mapping[key])))
        };
        let protocol = mapping["protocol"].as_str().unwrap_or("tcp");
        if !matches!(protocol, "tcp" | "udp" | "sctp") {
            return Err(Fault::new(7, format!("protocol: {protocol:?}")));
        }
        let (host, container) = (port("hostPort")?, port("containerPort")?);
        if !has_valid_host_ip(mapping) {
            match call.is_mutant("capability.bad-values-are-refused") {
                true => continue,
                false => return Err(Fault::new(7, format!("hostIP: {}", mapping["hostIP"]))),
            }
        }
        if !ports.insert((protocol.to_owned(), host)) {
            return Err(Fault::new(7, format!("hostPort {host}/{protocol} is mapped twice")));
        }
        if protocol == "udp" && call.is_mutant("capability.port-mappings-are-honoured") {
            continue;
        }
        if let Some(address) = address {
            rules.push(format!("{protocol} dport {host} dnat ip to {address}:{container}"));
        }
    }
    Ok(rules)
}

/// Returns the mappings of any runtime, those of Mesos with the keys of the others.
fn mappings(call: &Call) -> Vec<Value> {
    let list = |list: &Value| list.as_array().cloned().unwrap_or_default();
    let mut all = list(&call.key("runtimeConfig")["portMappings"]);
    for mesos in list(&call.key("args")["org.apache.mesos"]["network_info"]["port_mappings"]) {
        let protocol = mesos.get("protocol").cloned().unwrap_or("tcp".into());
        all.push(json!({
            "hostPort": mesos["host_port"], "containerPort": mesos["container_port"],
            "protocol": protocol,
        }));
    }
    all
}

fn has_valid_host_ip(mapping: &Value) -> bool {
    match mapping.get("hostIP") {
        None => true,
        Some(host_ip) => host_ip.as_str().is_some_and(|text| text.parse::<IpAddr>().is_ok()),
    }
}

pub(crate) fn install(owner: &Owner, rules: &[String]) -> Result<(), Fault> {
    if rules.is_empty() {
        return Ok(());
    }
    let chain = format!("a-{}", owner.key());
    let mut script = format!(
        "add table inet mutant\n\
         add chain inet mutant {chain} {{ type nat hook prerouting priority -100; }}\n\
         flush chain inet mutant {chain}\n"
    );
    for rule in rules {
        script.push_str(&format!("add rule inet mutant {chain} {rule}\n"));
    }
    run(&["nft", "-f", "-"], &script).map(drop)
}

/// Removes the rules, if they exist.
pub(crate) fn remove(owner: &Owner) {
    // Fails if the chain does not exist, or nftables is not installed.
    let chain = format!("a-{}", owner.key());
    let _ = run(
        &["nft", "-f", "-"],
        &format!("flush chain inet mutant {chain}\ndelete chain inet mutant {chain}\n"),
    );
}

pub(crate) fn check(call: &Call, owner: &Owner, rules: &[String]) -> Result<(), Fault> {
    if rules.is_empty() {
        return Ok(());
    }
    let chain = format!("a-{}", owner.key());
    let shown = match run(&["nft", "list", "chain", "inet", "mutant", &chain], "") {
        Ok(shown) => shown,
        Err(_) if call.is_mutant("check.misses-rules") => return Ok(()),
        Err(fault) => return Err(fault),
    };
    let shown: Vec<&str> =
        shown.lines().map(str::trim).filter(|line| line.contains("dnat")).collect();
    let same = match call.is_mutant("check.notices-wrong-state") {
        true => shown.len() == rules.len(),
        false => shown == rules,
    };
    match same {
        true => Ok(()),
        false => Err(Fault::new(103, format!("the rules are {shown:?}, not {rules:?}"))),
    }
}
