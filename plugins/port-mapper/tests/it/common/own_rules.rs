//! The port mapper's own rules on a host, as each backend lists them.

use cni_test_kit::Netns;
use serde_json::Value;

pub(crate) const NFTABLES: &str = "nftables";
pub(crate) const TABLE: &str = "inet mesos-cni-port-mapper";

/// Returns every chain, rule and element of the table, or an empty text if there is none.
pub(crate) fn table(place: &Netns) -> String {
    let json = place.sh(&format!(
        "tables=$(nft list tables)
         case $tables in *'table {TABLE}'*) nft -j list table {TABLE} ;; esac"
    ));
    if json.trim().is_empty() {
        return String::new();
    }
    let ruleset: Value = serde_json::from_str(&json).expect("JSON of nft");
    let objects = ruleset["nftables"].as_array().expect("objects");
    let elements = objects.iter().flat_map(|object| {
        let map = if object["map"].is_null() { &object["set"] } else { &object["map"] };
        let name = map["name"].as_str().unwrap_or_default();
        let elements = map["elem"].as_array().into_iter().flatten();
        elements.map(move |element| format!("{name} {}\n", element_line(element)))
    });
    let elements: String = elements.collect();
    let text = place.run(&format!("nft -s list table {TABLE}"));
    // Elements are listed above, so they are omitted from the maps.
    let rules = text.lines().filter(|line| !line.contains("container_id: "));
    elements + &rules.map(|line| format!("{line}\n")).collect::<String>()
}

/// Returns the port mapper's own rules of both families: rules with a tag, chains and jumps.
pub(crate) fn own_rules(place: &Netns, backend: &str) -> String {
    if backend == NFTABLES {
        return table(place);
    }
    let all = listing(place, backend);
    let is_own = |line: &&str| {
        line.contains("container_id: ") || line.contains("PORT-MAPPER") || line.contains("OTHER")
    };
    all.lines().filter(is_own).map(|line| format!("{line}\n")).collect()
}

/// Returns all rules of both families, without counters and dates.
pub(crate) fn listing(place: &Netns, backend: &str) -> String {
    if backend == NFTABLES {
        return place.run("nft list ruleset");
    }
    let six = backend.replacen("iptables", "ip6tables", 1);
    let all = place.run(&format!("{backend}-save")) + &place.run(&format!("{six}-save"));
    let lines = all.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{}\n", line.split(" [").next().unwrap_or(line))).collect()
}

/// Formats an element as `tcp 8080 -> 10.0.0.2:80 container_id: …`.
fn element_line(element: &Value) -> String {
    let (key, value) = match element.as_array() {
        Some(pair) if pair.len() == 2 => (&pair[0], Some(&pair[1])),
        _ => (element, None),
    };
    let comment = key["elem"]["comment"].as_str().unwrap_or_default();
    let key = if key["elem"].is_null() { key } else { &key["elem"]["val"] };
    let value = value.map(|value| format!(" -> {}", joined(value, ":"))).unwrap_or_default();
    format!("{}{value} {comment}", joined(key, " "))
}

fn joined(value: &Value, between: &str) -> String {
    let each = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match &value["concat"] {
        Value::Array(fields) => fields.iter().map(each).collect::<Vec<_>>().join(between),
        _ => each(value),
    }
}

/// Removes all rules, as a firewall reload does.
pub(crate) fn flush_firewall(place: &Netns, backend: &str) {
    match backend {
        "iptables-legacy" => place.sh("for table in nat raw; do
                iptables-legacy -t $table -F; iptables-legacy -t $table -X
             done"),
        _ => place.run("nft flush ruleset"),
    };
}
