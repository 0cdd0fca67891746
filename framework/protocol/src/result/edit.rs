//! Changes in the layout of the result's version. Unknown keys are kept.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::{
    add_result::AddResult,
    address::{self, Family},
    error::ResultError,
    layout::{self, Layout},
    view::{Dns, Interface, IpConfig},
};
use crate::json::Object;

impl AddResult {
    /// Sets the four members of `dns` and removes empty ones. `dns` itself is removed if nothing is
    /// left.
    ///
    /// # Errors
    ///
    /// `dns` was changed to something that is not an object, through [`AddResult::document_mut`].
    pub fn set_dns(&mut self, dns: &Dns) -> Result<(), ResultError> {
        let members = [
            ("nameservers", json!(dns.nameservers)),
            ("domain", json!(dns.domain.as_deref().unwrap_or_default())),
            ("search", json!(dns.search)),
            ("options", json!(dns.options)),
        ];
        let object = object_mut(self.document_mut(), "dns")?;
        for (key, value) in members {
            if layout::is_blank(&value) || value.as_array().is_some_and(Vec::is_empty) {
                object.shift_remove(key);
            } else {
                object.insert(key.to_owned(), value);
            }
        }
        if object.is_empty() {
            self.document.shift_remove("dns");
        }
        Ok(())
    }

    /// Appends a route; `dst` is written like `10.0.0.0/8`. For members that were added in 1.1.0,
    /// change the object that this appends.
    ///
    /// In 0.1.0 and 0.2.0 a route belongs to the address of its family.
    ///
    /// # Errors
    ///
    /// `dst` is not an address with prefix length, or the version is 0.1.0 or 0.2.0 and the result
    /// has no address of that family.
    pub fn add_route(&mut self, dst: &str, gw: Option<IpAddr>) -> Result<(), ResultError> {
        let family = Family::of(dst).ok_or_else(|| {
            let why = format!("{dst:?} is not an IP address with prefix length, like 10.0.0.0/8");
            ResultError::member("dst", why)
        })?;
        let version = self.version;
        let parent = match (Layout::of(version), family) {
            (Layout::V020, Family::V4) => self.slot_mut("ip4").ok_or(ResultError::NoPlace {
                what: "an IPv4 route: it has no IPv4 address",
                version,
            })?,
            (Layout::V020, Family::V6) => self.slot_mut("ip6").ok_or(ResultError::NoPlace {
                what: "an IPv6 route: it has no IPv6 address",
                version,
            })?,
            _ => self.document_mut(),
        };
        let mut route = Object::new();
        route.insert("dst".to_owned(), dst.into());
        put(&mut route, "gw", gw.map(|gw| gw.to_string()));
        list_mut(parent, "routes")?.push(route.into());
        Ok(())
    }

    /// Appends an interface and returns its index. `mtu`, `socketPath` and `pciID` are written in
    /// 1.1.0 only; older versions have no place for them.
    ///
    /// # Errors
    ///
    /// The version is 0.1.0 or 0.2.0, which have no interfaces. Check [`AddResult::version`] first
    /// if that is not an error for you.
    pub fn add_interface(&mut self, interface: &Interface) -> Result<usize, ResultError> {
        let version = self.version;
        if Layout::of(version) == Layout::V020 {
            return Err(ResultError::NoPlace { what: "interfaces", version });
        }
        let mut object = Object::new();
        object.insert("name".to_owned(), interface.name.as_str().into());
        put(&mut object, "mac", interface.mac.as_deref());
        if layout::has_new_members(version) {
            put(&mut object, "mtu", interface.mtu);
        }
        put(&mut object, "sandbox", interface.sandbox.as_deref());
        if layout::has_new_members(version) {
            put(&mut object, "socketPath", interface.socket_path.as_deref());
            put(&mut object, "pciID", interface.pci_id.as_deref());
        }
        let interfaces = list_mut(self.document_mut(), "interfaces")?;
        interfaces.push(object.into());
        Ok(interfaces.len() - 1)
    }

    /// Appends an address. 0.1.0 and 0.2.0 have no place for its interface.
    ///
    /// # Errors
    ///
    /// The version is 0.1.0 or 0.2.0, which have place for one address of each family, and there is
    /// one.
    pub fn add_ip(&mut self, ip: &IpConfig) -> Result<(), ResultError> {
        let family = if ip.address.is_ipv4() { Family::V4 } else { Family::V6 };
        let address = format!("{}/{}", ip.address, ip.prefix);
        if address::cidr(&address).is_none() {
            return Err(ResultError::member("prefix", format!("{address} has too long a prefix")));
        }
        let gateway = ip.gateway.map(|gateway| gateway.to_string());
        match Layout::of(self.version) {
            Layout::V020 => self.fill_slot(family, address, gateway),
            layout => {
                let mut object = Object::new();
                put(&mut object, "version", (layout == Layout::V040).then(|| family.as_str()));
                put(&mut object, "interface", ip.interface);
                object.insert("address".to_owned(), address.into());
                put(&mut object, "gateway", gateway);
                list_mut(self.document_mut(), "ips")?.push(object.into());
                Ok(())
            }
        }
    }

    fn fill_slot(
        &mut self,
        family: Family,
        address: String,
        gateway: Option<String>,
    ) -> Result<(), ResultError> {
        let (slot, what) = match family {
            Family::V4 => ("ip4", "a second IPv4 address"),
            Family::V6 => ("ip6", "a second IPv6 address"),
        };
        if self.document.get(slot).is_some_and(|slot| !slot.is_null()) {
            return Err(ResultError::NoPlace { what, version: self.version });
        }
        let mut object = Object::new();
        object.insert("ip".to_owned(), address.into());
        put(&mut object, "gateway", gateway);
        self.document_mut().insert(slot.to_owned(), object.into());
        Ok(())
    }

    fn slot_mut(&mut self, slot: &str) -> Option<&mut Object> {
        let slot = self.document.get_mut(slot)?.as_object_mut()?;
        self.raw = None;
        Some(slot)
    }
}

/// Adds a member if there is a value.
fn put(object: &mut Object, key: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        object.insert(key.to_owned(), value.into());
    }
}

fn list_mut<'a>(parent: &'a mut Object, key: &str) -> Result<&'a mut Vec<Value>, ResultError> {
    match present(parent, key, json!([])) {
        Value::Array(items) => Ok(items),
        other => Err(ResultError::wrong_type(key, "a list", other)),
    }
}

fn object_mut<'a>(parent: &'a mut Object, key: &str) -> Result<&'a mut Object, ResultError> {
    match present(parent, key, json!({})) {
        Value::Object(object) => Ok(object),
        other => Err(ResultError::wrong_type(key, "an object", other)),
    }
}

/// Returns the member, which becomes `otherwise` if it is absent or `null`.
fn present<'a>(parent: &'a mut Object, key: &str, otherwise: Value) -> &'a mut Value {
    let value = parent.entry(key).or_insert(Value::Null);
    if value.is_null() {
        *value = otherwise;
    }
    value
}
