//! The table of the nftables backend as nft shows it, a line for each rule and element, so that the tests of
//! the other backends can read it too.

use cni_wrapper_test::Place;
use serde_json::Value;

use crate::common::CHAIN;

pub(crate) const TABLE: &str = "inet mesos-cni-port-mapper";

/// Every chain, rule and element of the table; empty when there is none.
pub(crate) fn table(place: &Place) -> String {
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

/// The chain of the test's network.
pub(crate) fn branch(place: &Place) -> String {
    let table = table(place);
    let chains = table.lines().filter_map(|line| line.trim().strip_prefix("chain "));
    let mut names = chains.filter_map(|line| line.strip_suffix(" {"));
    let name = names.find(|name| name.starts_with(CHAIN) && !name.ends_with("/sources"));
    name.unwrap_or_else(|| panic!("no chain of {CHAIN} in {table}")).to_owned()
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
