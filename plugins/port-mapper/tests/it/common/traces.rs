//! The rules of ours that stand on a host, in the words of each backend; and how they all go.

use cni_test_kit::Netns;
use serde_json::Value;

pub(crate) const NFTABLES: &str = "nftables";
pub(crate) const TABLE: &str = "inet mesos-cni-port-mapper";

/// Every chain, rule and element of the table; empty when there is none.
pub(crate) fn table(place: &Netns) -> String {
    let json = place.sh(&format!("nft -j list table {TABLE} 2>/dev/null || :"));
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
    // Elements have lines of their own above: those of the maps are left out.
    let rules = text.lines().filter(|line| !line.contains("container_id: "));
    elements + &rules.map(|line| format!("{line}\n")).collect::<String>()
}

/// Every rule of ours, of both families, as the backend shows them: rules with a tag, chains and jumps.
pub(crate) fn traces(place: &Netns, backend: &str) -> String {
    if backend == NFTABLES {
        return table(place);
    }
    let all = listing(place, backend);
    let ours = |line: &&str| {
        line.contains("container_id: ") || line.contains("PORT-MAPPER") || line.contains("OTHER")
    };
    all.lines().filter(ours).map(|line| format!("{line}\n")).collect()
}

/// All rules of both families, without counters and dates.
pub(crate) fn listing(place: &Netns, backend: &str) -> String {
    if backend == NFTABLES {
        return place.run("nft list ruleset");
    }
    let six = backend.replacen("iptables", "ip6tables", 1);
    let all = place.run(&format!("{backend}-save")) + &place.run(&format!("{six}-save"));
    let lines = all.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{}\n", line.split(" [").next().unwrap_or(line))).collect()
}

/// `tcp 8080 -> 10.0.0.2:80 container_id: …`.
fn element_line(element: &Value) -> String {
    let (key, value) = match element.as_array() {
        Some(pair) if pair.len() == 2 => (&pair[0], Some(&pair[1])),
        _ => (element, None),
    };
    let comment = key["elem"]["comment"].as_str().unwrap_or_default();
    let key = if key["elem"].is_null() { key } else { &key["elem"]["val"] };
    let value = value.map(|value| format!(" -> {}", words(value, ":"))).unwrap_or_default();
    format!("{}{value} {comment}", words(key, " "))
}

fn words(value: &Value, between: &str) -> String {
    let each = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match &value["concat"] {
        Value::Array(fields) => fields.iter().map(each).collect::<Vec<_>>().join(between),
        _ => each(value),
    }
}

/// What a reload of the firewall without our rules in it does.
pub(crate) fn empty_the_firewall(place: &Netns, backend: &str) {
    match backend {
        "iptables-legacy" => place.sh(
            "for table in nat raw; do iptables-legacy -t $table -F; iptables-legacy -t $table -X; done",
        ),
        _ => place.run("nft flush ruleset"),
    };
}
