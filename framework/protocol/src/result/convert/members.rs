//! Helpers of the conversions, for members of objects.

use serde_json::Value;

use crate::{
    json::Object,
    result::layout::{self, Layout},
};

/// Removes a list from its object and returns it; any other value counts as an empty list.
pub(super) fn take_list(parent: &mut Object, key: &str) -> Vec<Value> {
    match parent.shift_remove(key) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// Removes a member if it is `null` or the empty string.
pub(super) fn drop_blank(object: &mut Object, key: &str) {
    if object.get(key).is_some_and(layout::is_blank) {
        object.shift_remove(key);
    }
}

/// Returns the objects of a list, to change them.
pub(super) fn objects_mut<'a>(
    parent: &'a mut Object,
    key: &str,
) -> impl Iterator<Item = &'a mut Object> + use<'a> {
    let items = parent.get_mut(key).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Removes a `dns` that is `null`, and for 1.x, which does not print it, an empty one.
pub(super) fn convert_dns(document: &mut Object, layout: Layout) {
    let is_empty = |dns: &Value| match dns {
        Value::Null => true,
        Value::Object(dns) if layout == Layout::V100 => dns.iter().all(|(key, value)| {
            let known = matches!(key.as_str(), "nameservers" | "domain" | "search" | "options");
            known && (layout::is_blank(value) || value.as_array().is_some_and(Vec::is_empty))
        }),
        _ => false,
    };
    if document.get("dns").is_some_and(is_empty) {
        document.shift_remove("dns");
    }
}
