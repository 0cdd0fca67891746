//! A result after it passed through the types of libcni, which drop unknown members.

use cni_protocol::result::{Interface, IpConfig, Route};
use cni_protocol::{AddResult, SpecVersion};
use serde_json::{Map, Value, json};

use super::go_json;
use super::quirk::{Quirk, Quirks};

/// A result that libcni accepted: the members of its types, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedResult {
    version: SpecVersion,
    document: Value,
}

impl CachedResult {
    /// Returns what libcni keeps of a result.
    pub(super) fn of(result: &AddResult) -> Self {
        let version = result.version();
        let document = match version {
            SpecVersion::V0_1_0 | SpecVersion::V0_2_0 => slots(result),
            SpecVersion::V0_3_0 | SpecVersion::V0_3_1 | SpecVersion::V0_4_0 => lists(result, true),
            // 1.0.0 and 1.1.0. These types are printed through a map, so everything is sorted.
            _ => sorted(lists(result, false)),
        };
        Self { version, document }
    }

    /// Reads a result from the cache.
    ///
    /// # Errors
    /// If it is not a result.
    pub(super) fn read(value: Value) -> Result<Self, String> {
        let version = value.get("cniVersion").and_then(Value::as_str).unwrap_or_default();
        let version = version.parse().map_err(|error| format!("{error}"))?;
        let result = AddResult::from_value(value, version).map_err(|error| error.to_string())?;
        Ok(Self::of(&result))
    }

    /// Returns the result as JSON.
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Returns its version.
    pub fn version(&self) -> SpecVersion {
        self.version
    }

    /// Converts it to the version of a list.
    ///
    /// # Errors
    /// If it cannot be converted, or the version is unknown.
    pub(super) fn convert(self, to: &str, quirks: &Quirks) -> Result<Self, String> {
        let target: SpecVersion = to
            .parse()
            .map_err(|_| format!("no converter for CNI result version {} to {to}", self.version))?;
        if target == self.version {
            return Ok(self);
        }
        let leaks = quirks.has(Quirk::LeaksNewMembers);
        let before = self.document.clone();
        let result = AddResult::from_value(self.document, self.version)
            .and_then(|result| result.convert(target))
            .map_err(|error| error.to_string())?;
        let mut converted = Self::of(&result);
        if leaks {
            leak(&before, self.version, &mut converted);
        }
        Ok(converted)
    }
}

/// Adds what libcni fails to remove when it converts to an older version.
fn leak(before: &Value, from: SpecVersion, converted: &mut CachedResult) {
    let keys: &[&str] = match (from, converted.version) {
        (SpecVersion::V1_1_0, SpecVersion::V1_0_0) => &["interfaces", "routes"],
        (
            SpecVersion::V1_0_0 | SpecVersion::V1_1_0,
            SpecVersion::V0_3_0 | SpecVersion::V0_3_1 | SpecVersion::V0_4_0,
        ) => &["routes"],
        _ => &[],
    };
    for key in keys {
        if let Some(value) = before.get(key) {
            converted.document[*key] = value.clone();
        }
    }
}

fn sorted(value: Value) -> Value {
    // Only numbers could fail, and they are not converted.
    go_json::through_map(value.clone(), false).unwrap_or(value)
}

fn slots(result: &AddResult) -> Value {
    let document = result.document();
    let mut slots = go_json::members(document, &["cniVersion"]);
    for key in ["ip4", "ip6"] {
        let Some(Value::Object(slot)) = document.get(key) else { continue };
        let mut printed = go_json::members(slot, &["ip", "gateway", "routes"]);
        if let Some(Value::Array(routes)) = printed.get_mut("routes") {
            for route in routes.iter_mut() {
                let known = route.as_object().map(|route| go_json::members(route, &["dst", "gw"]));
                *route = known.unwrap_or_default().into();
            }
        }
        slots.insert(key.to_owned(), printed.into());
    }
    slots.insert("dns".to_owned(), dns(result).into());
    slots.into()
}

fn lists(result: &AddResult, tagged: bool) -> Value {
    let document = result.document();
    let mut lists = go_json::members(document, &["cniVersion"]);
    let mut put = |key: &str, items: Vec<Value>| {
        if !items.is_empty() {
            lists.insert(key.to_owned(), items.into());
        }
    };
    let interfaces = result.interfaces();
    put("interfaces", interfaces.iter().map(|it| interface(it, tagged)).collect());
    let entries = document.get("ips").and_then(Value::as_array).cloned().unwrap_or_default();
    let ips = result.ips();
    put("ips", ips.iter().zip(&entries).map(|(ip, entry)| address(ip, entry, tagged)).collect());
    put("routes", result.routes().iter().map(route).collect());
    let dns = dns(result);
    if tagged || !dns.is_empty() {
        lists.insert("dns".to_owned(), dns.into());
    }
    lists.into()
}

fn dns(result: &AddResult) -> Map<String, Value> {
    let dns = result.document().get("dns").and_then(Value::as_object);
    let keys = ["nameservers", "domain", "search", "options"];
    dns.map(|dns| go_json::members(dns, &keys)).unwrap_or_default()
}

fn interface(it: &Interface, tagged: bool) -> Value {
    let mut printed = json!({ "name": it.name });
    put(&mut printed, "mac", it.mac.as_deref());
    if !tagged {
        put(&mut printed, "mtu", it.mtu.filter(|mtu| *mtu != 0));
    }
    put(&mut printed, "sandbox", it.sandbox.as_deref());
    if !tagged {
        put(&mut printed, "socketPath", it.socket_path.as_deref());
        put(&mut printed, "pciID", it.pci_id.as_deref());
    }
    printed
}

fn address(ip: &IpConfig, entry: &Value, tagged: bool) -> Value {
    let mut printed = json!({});
    if tagged {
        put(&mut printed, "version", entry.get("version").and_then(Value::as_str));
    }
    // Verbatim: some plugins print -1.
    put(&mut printed, "interface", entry.get("interface").filter(|index| index.is_i64()).cloned());
    printed["address"] = format!("{}/{}", ip.address, ip.prefix).into();
    put(&mut printed, "gateway", ip.gateway.map(|gateway| gateway.to_string()));
    printed
}

fn route(route: &Route) -> Value {
    let mut printed = json!({ "dst": format!("{}/{}", route.dst, route.prefix) });
    put(&mut printed, "gw", route.gw.map(|gw| gw.to_string()));
    for (key, value) in [("mtu", route.mtu), ("advmss", route.advmss), ("priority", route.priority)]
    {
        put(&mut printed, key, value.filter(|value| *value != 0));
    }
    // Zero is a valid table and scope.
    put(&mut printed, "table", route.table);
    put(&mut printed, "scope", route.scope);
    printed
}

fn put(printed: &mut Value, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        printed[key] = value.into();
    }
}
