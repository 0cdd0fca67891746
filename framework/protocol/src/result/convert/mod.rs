//! Conversion from any version to any other.
//!
//! The rules are libcni's, except that less is lost and nothing is carried over that does not
//! belong:
//!
//! - A key that neither version has is kept if its object has a place in the new layout: at the
//!   top, in an interface, an address, a route, or `dns`. The order of keys and the digits of
//!   numbers are kept.
//! - Members that only 1.1.0 has (`mtu`, `socketPath`, `pciID` of an interface; `mtu`, `advmss`,
//!   `priority`, `table`, `scope` of a route) are removed in the conversion to an older version.
//! - The text of addresses is kept. Only an IPv4-mapped one becomes plain IPv4, and only if the new
//!   layout declares that it is IPv4.
//! - The family of an address of 0.3.0 to 0.4.0 without `version`, or with one that can't be right,
//!   is that of the address itself.
//!
//! 0.1.0 and 0.2.0 have no place for interfaces and the indexes of interfaces, for a second address
//! of a family, and for routes of a family without address; these are lost. A key that has a
//! meaning in the new layout only (`ips` in 0.2.0, `ip4` in 0.4.0) is removed: it would get a
//! meaning that was not intended.

mod across;
mod down;
mod up;

use serde_json::Value;

use super::{AddResult, Layout, ResultError, check, layout, set_version};
use crate::{json::Object, version::SpecVersion};

impl AddResult {
    /// Converts the result to the version `to`. Nothing changes if it has that version already.
    ///
    /// # Errors
    ///
    /// It has no address and `to` is 0.1.0 or 0.2.0 (and the result's own version is neither), or
    /// the document does not fit its own version or, because of a key that only the new version
    /// has, the new one.
    pub fn convert(self, to: SpecVersion) -> Result<Self, ResultError> {
        let from = self.version;
        if from == to {
            return Ok(self);
        }
        check::check(&self.document, from)?;
        let mut document = self.document;
        if layout::has_new_members(from) {
            across::strip_new_members(&mut document);
        }
        match (Layout::of(from), Layout::of(to)) {
            (Layout::V020, Layout::V020)
            | (Layout::V040, Layout::V040)
            | (Layout::V100, Layout::V100) => {}
            (Layout::V020, layout) => up::to_lists(&mut document, layout),
            (layout, Layout::V020) => {
                down::to_slots(&mut document, layout).ok_or(ResultError::NoAddress { from, to })?;
            }
            (_, layout) => across::convert_ips(&mut document, layout),
        }
        set_version(&mut document, to);
        check::check(&document, to)?;
        Ok(Self { version: to, document, raw: None })
    }
}

/// Removes a list from its object and returns it; any other value counts as an empty list.
fn take_list(parent: &mut Object, key: &str) -> Vec<Value> {
    match parent.shift_remove(key) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// Removes a member if it is `null` or the empty string.
fn drop_blank(object: &mut Object, key: &str) {
    if object.get(key).is_some_and(layout::is_blank) {
        object.shift_remove(key);
    }
}

/// Returns the objects of a list, to change them.
fn objects_mut<'a>(
    parent: &'a mut Object,
    key: &str,
) -> impl Iterator<Item = &'a mut Object> + use<'a> {
    let items = parent.get_mut(key).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// Removes a `dns` that is `null`, and for 1.x, which does not print it, an empty one.
fn convert_dns(document: &mut Object, layout: Layout) {
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
