//! Conversion between the layouts that have `ips`, and from 1.1.0 to older versions.

use serde_json::Value;

use super::members::{convert_dns, drop_blank, objects_mut};
use crate::{
    json::Object,
    result::{
        address::Family,
        layout::{Layout, NEW_IN_INTERFACE, NEW_IN_ROUTE},
    },
};

/// Removes the members that were added in 1.1.0.
pub(super) fn strip_new_members(document: &mut Object) {
    for (list, members) in [("interfaces", &NEW_IN_INTERFACE[..]), ("routes", &NEW_IN_ROUTE[..])] {
        for object in objects_mut(document, list) {
            object.retain(|key, _| !members.contains(&key.as_str()));
        }
    }
}

/// Adds or removes the `version` of every address, and removes empty members.
pub(super) fn convert_ips(document: &mut Object, layout: Layout) {
    for ip in objects_mut(document, "ips") {
        drop_blank(ip, "gateway");
        drop_blank(ip, "interface");
        match layout {
            Layout::V040 => add_version(ip),
            _ => drop(ip.shift_remove("version")),
        }
    }
    for route in objects_mut(document, "routes") {
        drop_blank(route, "gw");
    }
    for list in ["interfaces", "ips", "routes"] {
        drop_blank(document, list);
    }
    if document.get("routes").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        document.shift_remove("routes");
    }
    convert_dns(document, layout);
}

/// Adds the `version` of an address, as its first member like libcni.
fn add_version(ip: &mut Object) {
    let Some(family) = ip.get("address").and_then(Value::as_str).and_then(Family::of) else {
        return;
    };
    for key in ["address", "gateway"] {
        if let Some(Value::String(text)) = ip.get_mut(key) {
            *text = family.text(text);
        }
    }
    ip.shift_remove("version");
    ip.shift_insert(0, "version".to_owned(), family.as_str().into());
}
