//! Conversion from `ip4` and `ip6`, called slots here, to `ips`.

use serde_json::Value;

use super::members::{convert_dns, drop_blank, take_list};
use crate::{
    json::Object,
    result::{
        address::{Family, SLOTS},
        layout::{Layout, is_blank},
    },
};

pub(super) fn to_lists(document: &mut Object, layout: Layout) {
    for key in ["ips", "interfaces", "routes"] {
        document.shift_remove(key);
    }
    let place = document.keys().position(|key| key == "ip4" || key == "ip6");
    let mut ips: Vec<Value> = Vec::new();
    let mut routes: Vec<Value> = Vec::new();
    for (key, family) in SLOTS {
        if let Some(Value::Object(mut slot)) = document.shift_remove(key) {
            routes.extend(take_list(&mut slot, "routes").into_iter().map(route));
            ips.push(ip(slot, family, layout).into());
        }
    }
    // Without a slot nothing is inserted, and the place does not matter.
    let mut place = place.unwrap_or_default();
    for (key, list) in [("ips", ips), ("routes", routes)] {
        if !list.is_empty() {
            document.shift_insert(place, key.to_owned(), list.into());
            place += 1;
        }
    }
    convert_dns(document, layout);
}

/// Returns a slot without its routes as a member of `ips`; `family` is that of the slot. Keys that
/// would have a meaning in `ips` by accident are left out.
fn ip(slot: Object, family: Family, layout: Layout) -> Object {
    let address = slot.get("ip").and_then(Value::as_str).unwrap_or_default();
    let declared = Family::declared(family, address).filter(|_| layout == Layout::V040);
    let mut ip = Object::new();
    if let Some(family) = declared {
        ip.insert("version".to_owned(), family.as_str().into());
    }
    for (key, value) in slot {
        let key = match key.as_str() {
            "interface" | "address" => continue,
            "version" if declared.is_some() => continue,
            "gateway" if is_blank(&value) => continue,
            "ip" => "address".to_owned(),
            _ => key,
        };
        let value = match (declared, key.as_str()) {
            (Some(family), "address" | "gateway") => family.value(&value),
            _ => value,
        };
        ip.insert(key, value);
    }
    ip
}

fn route(mut route: Value) -> Value {
    if let Value::Object(route) = &mut route {
        drop_blank(route, "gw");
    }
    route
}
