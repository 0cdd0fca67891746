//! Conversion from `ips` to `ip4` and `ip6`, called slots here.

use serde_json::Value;

use super::members::{convert_dns, drop_blank, take_list};
use crate::{
    json::Object,
    result::{
        address::{Family, SLOTS},
        layout::{self, Layout},
    },
};

/// Returns `None` if there is no address for either slot.
pub(super) fn to_slots(document: &mut Object, from: Layout) -> Option<()> {
    for key in ["interfaces", "ip4", "ip6"] {
        document.shift_remove(key);
    }
    let routes = take_list(document, "routes");
    let place = document.keys().position(|key| key == "ips")?;
    let ips = take_list(document, "ips");
    let slots = SLOTS.into_iter().filter_map(|(key, family)| {
        let ip = ips
            .iter()
            .filter_map(Value::as_object)
            .find(|ip| family_of(ip, from) == Some(family))?;
        Some((key, slot(ip, family, routes_of(&routes, family))))
    });
    let slots: Vec<(&str, Object)> = slots.collect();
    if slots.is_empty() {
        return None;
    }
    for (index, (key, slot)) in slots.into_iter().enumerate() {
        document.shift_insert(place + index, key.to_owned(), slot.into());
    }
    convert_dns(document, Layout::V020);
    Some(())
}

/// Returns the declared `version` if the layout has it and it can be right, else that of the
/// address.
fn family_of(ip: &Object, from: Layout) -> Option<Family> {
    let address = ip.get("address")?.as_str()?;
    let version = ip.get("version").filter(|_| from == Layout::V040).and_then(Value::as_str);
    match version.and_then(Family::read) {
        Some(declared) => Family::declared(declared, address),
        None => Family::of(address),
    }
}

/// Returns an address as `ip4` or `ip6`. Keys that would have a meaning in the slot by accident are
/// left out.
fn slot(ip: &Object, family: Family, routes: Vec<Value>) -> Object {
    let mut slot = Object::new();
    for (key, value) in ip {
        let (key, value) = match key.as_str() {
            "version" | "interface" | "ip" | "routes" => continue,
            "gateway" if layout::is_blank(value) => continue,
            "gateway" => ("gateway", family.value(value)),
            "address" => ("ip", family.value(value)),
            other => (other, value.clone()),
        };
        slot.insert(key.to_owned(), value);
    }
    if !routes.is_empty() {
        slot.insert("routes".to_owned(), routes.into());
    }
    slot
}

fn routes_of(routes: &[Value], family: Family) -> Vec<Value> {
    let in_form = |route: &Object| {
        let dst = route.get("dst")?.as_str()?;
        let mut route = (Family::of(dst) == Some(family)).then(|| route.clone())?;
        drop_blank(&mut route, "gw");
        for key in ["dst", "gw"] {
            if let Some(value) = route.get_mut(key) {
                *value = family.value(value);
            }
        }
        Some(Value::Object(route))
    };
    routes.iter().filter_map(Value::as_object).filter_map(in_form).collect()
}
