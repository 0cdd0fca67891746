//! From any version to any other.
//!
//! The rules are libcni's, with these differences, all of them to lose or to leak less:
//!
//! - A key that neither version knows stays wherever its object has a place in the new form: at the top, in an interface, an
//!   address, a route, in `dns`. The order of keys and the digits of numbers stay.
//! - What only 1.1.0 knows (`mtu`, `socketPath`, `pciID` of an interface; `mtu`, `advmss`, `priority`, `table`,
//!   `scope` of a route) is taken out on the way down to any older version.
//! - The text of addresses stays. Only an IPv4-mapped one becomes plain IPv4, and only where the new form says
//!   that it is IPv4.
//! - An address of 0.3.0 to 0.4.0 without `version` counts by the address itself; so does one whose `version` can't be
//!   true.
//!
//! What 0.1.0 and 0.2.0 have no place for is lost on the way down: interfaces and the indexes to them, every address after the
//! first of its family, routes of a family that has no address. A key that means something only in the other form
//! (`ips` in 0.2.0, `ip4` in 0.4.0) is not carried into it, since it would get a meaning that nobody gave it.

mod across;
mod down;
mod up;

use serde_json::Value;

use super::{AddResult, Form, ResultError, check, form, set_version};
use crate::{json::Object, version::SpecVersion};

impl AddResult {
    /// The same result as the version `to` writes it.
    ///
    /// Nothing at all changes when it is in that version already.
    ///
    /// # Errors
    ///
    /// When it has no address and `to` is 0.1.0 or 0.2.0 (and the result's own version is neither), and when
    /// the document does not fit its own or, for a key that only the new version knows, the new version.
    pub fn convert(self, to: SpecVersion) -> Result<Self, ResultError> {
        let from = self.version;
        if from == to {
            return Ok(self);
        }
        check::check(&self.document, from)?;
        let mut document = self.document;
        if form::knows_new_members(from) {
            across::strip_new_members(&mut document);
        }
        match (Form::of(from), Form::of(to)) {
            (Form::Slots, Form::Slots)
            | (Form::Tagged, Form::Tagged)
            | (Form::Plain, Form::Plain) => {}
            (Form::Slots, form) => up::to_lists(&mut document, form),
            (form, Form::Slots) => {
                down::to_slots(&mut document, form).ok_or(ResultError::NoAddress { from, to })?;
            }
            (_, form) => across::retag(&mut document, form),
        }
        set_version(&mut document, to);
        check::check(&document, to)?;
        Ok(Self { version: to, document, raw: None })
    }
}

/// Takes a list out of its object; `null` and anything else count as an empty one.
fn take_list(parent: &mut Object, key: &str) -> Vec<Value> {
    match parent.shift_remove(key) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

/// Takes a member out if it is `null` or the empty string.
fn drop_blank(object: &mut Object, key: &str) {
    if object.get(key).is_some_and(form::is_blank) {
        object.shift_remove(key);
    }
}

/// The objects of a list, to be changed.
fn objects_mut<'a>(
    parent: &'a mut Object,
    key: &str,
) -> impl Iterator<Item = &'a mut Object> + use<'a> {
    let items = parent.get_mut(key).and_then(Value::as_array_mut);
    items.into_iter().flatten().filter_map(Value::as_object_mut)
}

/// `dns` in a new form: `null` goes, and so does an empty one where 1.x is written, which does not print it.
fn dns_for(document: &mut Object, form: Form) {
    let is_empty = |dns: &Value| match dns {
        Value::Null => true,
        Value::Object(dns) if form == Form::Plain => dns.iter().all(|(key, value)| {
            let known = matches!(key.as_str(), "nameservers" | "domain" | "search" | "options");
            known && (form::is_blank(value) || value.as_array().is_some_and(Vec::is_empty))
        }),
        _ => false,
    };
    if document.get("dns").is_some_and(is_empty) {
        document.shift_remove("dns");
    }
}
