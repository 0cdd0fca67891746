//! Between the forms that have `ips`, and from 1.1.0 to what is older.

use serde_json::Value;

use super::{dns_for, drop_blank, objects_mut};
use crate::{
    json::Object,
    result::{
        address::Family,
        form::{Form, NEW_IN_INTERFACE, NEW_IN_ROUTE},
    },
};

/// Takes out what 1.1.0 brought.
pub(super) fn strip_new_members(document: &mut Object) {
    for (list, members) in [("interfaces", &NEW_IN_INTERFACE[..]), ("routes", &NEW_IN_ROUTE[..])] {
        for object in objects_mut(document, list) {
            object.retain(|key, _| !members.contains(&key.as_str()));
        }
    }
}

/// Adds or removes `version` of every address, and drops what is there but empty.
pub(super) fn retag(document: &mut Object, form: Form) {
    for ip in objects_mut(document, "ips") {
        drop_blank(ip, "gateway");
        drop_blank(ip, "interface");
        match form {
            Form::Tagged => tag(ip),
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
    dns_for(document, form);
}

/// Says the family of an address, which comes first as libcni prints it.
fn tag(ip: &mut Object) {
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
