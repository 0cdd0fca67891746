//! Checks that the members of a version have the right types. Unknown members may have any type.

use serde_json::Value;

use super::{
    address,
    error::ResultError,
    layout::{self, Layout},
};
use crate::{
    json::{Object, quoted},
    version::SpecVersion,
};

/// The type of a member. `null` and the empty string count as absent.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Texts,
    Ip,
    Cidr,
    /// A whole number; old plugins print -1 for no interface.
    Index,
    /// A whole number from 0 up.
    Unsigned,
}

use Kind::{Cidr, Index, Ip, Text, Texts, Unsigned};

/// A member that must not be absent.
type Required = Option<&'static str>;
type Table = &'static [(&'static str, Kind)];

const SLOT: Table = &[("ip", Cidr), ("gateway", Ip)];
const ADDRESS: Table =
    &[("version", Text), ("address", Cidr), ("gateway", Ip), ("interface", Index)];
const ROUTE: Table = &[("dst", Cidr), ("gw", Ip)];
const ROUTE_NEW: Table = &[
    ("mtu", Unsigned),
    ("advmss", Unsigned),
    ("priority", Unsigned),
    ("table", Unsigned),
    ("scope", Unsigned),
];
const INTERFACE: Table = &[("name", Text), ("mac", Text), ("sandbox", Text)];
const INTERFACE_NEW: Table = &[("mtu", Unsigned), ("socketPath", Text), ("pciID", Text)];
const DNS: Table =
    &[("nameservers", Texts), ("domain", Text), ("search", Texts), ("options", Texts)];

/// Checks a document against the layout of its version.
pub(super) fn check(document: &Object, version: SpecVersion) -> Result<(), ResultError> {
    match Layout::of(version) {
        Layout::V020 => slots(document)?,
        Layout::V040 => {
            list(document, "ips", "", &[ADDRESS], Some("address"))?;
            lists(document, version)?;
        }
        // `version` is not a member of this layout, so it may have any value.
        Layout::V100 => {
            list(document, "ips", "", &[&ADDRESS[1..]], Some("address"))?;
            lists(document, version)?;
        }
    }
    object(document, "dns", &[DNS], None)
}

fn slots(document: &Object) -> Result<(), ResultError> {
    for slot in ["ip4", "ip6"] {
        object(document, slot, &[SLOT], Some("ip"))?;
        if let Some(Value::Object(members)) = document.get(slot) {
            list(members, "routes", &format!("{slot}."), &[ROUTE], Some("dst"))?;
        }
    }
    Ok(())
}

fn lists(document: &Object, version: SpecVersion) -> Result<(), ResultError> {
    let (interface, route): (&[Table], &[Table]) = match layout::has_new_members(version) {
        true => (&[INTERFACE, INTERFACE_NEW], &[ROUTE, ROUTE_NEW]),
        false => (&[INTERFACE], &[ROUTE]),
    };
    list(document, "interfaces", "", interface, None)?;
    list(document, "routes", "", route, Some("dst"))
}

/// Checks a list of objects; `within` is the path up to its key.
fn list(
    parent: &Object,
    key: &str,
    within: &str,
    tables: &[Table],
    required: Required,
) -> Result<(), ResultError> {
    let items = match parent.get(key) {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Array(items)) => items,
        Some(other) => {
            return Err(ResultError::wrong_type(format!("{within}{key}"), "a list", other));
        }
    };
    for (index, item) in items.iter().enumerate() {
        let at = format!("{within}{key}[{index}]");
        match item {
            Value::Object(item) => members(item, &at, tables, required)?,
            other => return Err(ResultError::wrong_type(at, "an object", other)),
        }
    }
    Ok(())
}

fn object(
    parent: &Object,
    key: &str,
    tables: &[Table],
    required: Required,
) -> Result<(), ResultError> {
    match parent.get(key) {
        None | Some(Value::Null) => Ok(()),
        Some(Value::Object(object)) => members(object, key, tables, required),
        Some(other) => Err(ResultError::wrong_type(key, "an object", other)),
    }
}

fn members(
    object: &Object,
    at: &str,
    tables: &[Table],
    required: Required,
) -> Result<(), ResultError> {
    if let Some(key) = required.filter(|key| object.get(*key).is_none_or(layout::is_blank)) {
        return Err(ResultError::member(format!("{at}.{key}"), "is missing or empty"));
    }
    for (key, kind) in tables.iter().copied().flatten() {
        match object.get(*key) {
            None => {}
            Some(blank) if layout::is_blank(blank) && may_be_blank(*kind, blank) => {}
            Some(value) => member(format!("{at}.{key}"), *kind, value)?,
        }
    }
    Ok(())
}

/// `null` counts as absent for every type, the empty string only for those that are text.
fn may_be_blank(kind: Kind, value: &Value) -> bool {
    value.is_null() || matches!(kind, Text | Ip)
}

fn member(at: String, kind: Kind, value: &Value) -> Result<(), ResultError> {
    match (kind, value) {
        (Text, Value::String(_)) => Ok(()),
        (Ip, Value::String(text)) => address::ip(text).map(drop).ok_or_else(|| {
            ResultError::member(at, format!("{} is not an IP address", quoted(text)))
        }),
        (Cidr, Value::String(text)) => address::cidr(text).map(drop).ok_or_else(|| {
            let why = format!(
                "{} is not an IP address with prefix length, like 10.0.0.2/24",
                quoted(text)
            );
            ResultError::member(at, why)
        }),
        (Texts, Value::Array(items)) => match items.iter().position(|item| !item.is_string()) {
            None => Ok(()),
            Some(index) => {
                Err(ResultError::wrong_type(format!("{at}[{index}]"), "a string", &items[index]))
            }
        },
        (Index, Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(()),
        (Unsigned, Value::Number(number)) if number.is_u64() => Ok(()),
        (Index | Unsigned, Value::Number(number)) => {
            let expected =
                if matches!(kind, Index) { "a whole number" } else { "a whole number from 0 up" };
            Err(ResultError::member(at, format!("{number} is not {expected}")))
        }
        (_, other) => Err(ResultError::wrong_type(at, kind.expected(), other)),
    }
}

impl Kind {
    const fn expected(self) -> &'static str {
        match self {
            Text => "a string",
            Texts => "a list of strings",
            Ip => "a string with an IP address",
            Cidr => "a string with an IP address and prefix length",
            Index => "a whole number",
            Unsigned => "a whole number from 0 up",
        }
    }
}
