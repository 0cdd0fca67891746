//! From `ip4` and `ip6` up to `ips`.

use serde_json::Value;

use super::{dns_for, drop_blank, take_list};
use crate::{
    json::Object,
    result::{
        address::{Family, SLOTS},
        form::{Form, is_blank},
    },
};

pub(super) fn to_lists(document: &mut Object, form: Form) {
    for key in ["ips", "interfaces", "routes"] {
        document.shift_remove(key);
    }
    let place = document.keys().position(|key| key == "ip4" || key == "ip6");
    let mut ips: Vec<Value> = Vec::new();
    let mut routes: Vec<Value> = Vec::new();
    for (key, family) in SLOTS {
        if let Some(Value::Object(mut slot)) = document.shift_remove(key) {
            routes.extend(take_list(&mut slot, "routes").into_iter().map(route));
            ips.push(ip(slot, family, form).into());
        }
    }
    // Without a slot there is nothing to insert, and the place does not matter.
    let mut place = place.unwrap_or_default();
    for (key, list) in [("ips", ips), ("routes", routes)] {
        if !list.is_empty() {
            document.shift_insert(place, key.to_owned(), list.into());
            place += 1;
        }
    }
    dns_for(document, form);
}

/// A slot without its routes as a member of `ips`; `family` is what the slot says. What the new form says of an address
/// comes from the slot, so keys of other origin that would say it too are left out.
fn ip(slot: Object, family: Family, form: Form) -> Object {
    let address = slot.get("ip").and_then(Value::as_str).unwrap_or_default();
    let tag = Family::said(family, address).filter(|_| form == Form::Tagged);
    let mut ip = Object::new();
    if let Some(family) = tag {
        ip.insert("version".to_owned(), family.as_str().into());
    }
    for (key, value) in slot {
        let key = match key.as_str() {
            "interface" | "address" => continue,
            "version" if tag.is_some() => continue,
            "gateway" if is_blank(&value) => continue,
            "ip" => "address".to_owned(),
            _ => key,
        };
        let value = match (tag, key.as_str()) {
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
