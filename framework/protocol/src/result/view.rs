//! Typed views, the same for every version of the specification.
//!
//! A result that was read has been checked, so nothing is missing from a view. In one that was changed by
//! way of [`AddResult::document_mut`], entries that make no sense are left out.

use std::net::IpAddr;

use serde_json::Value;

use super::{AddResult, Form, address, form};
use crate::json::Object;

/// An interface that the result names. 0.1.0 and 0.2.0 name none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// Its name, within its sandbox or on the host.
    pub name: String,
    /// Hardware address, as text.
    pub mac: Option<String>,
    /// What isolates it, normally the path of a network namespace; `None` for an interface of the host.
    pub sandbox: Option<String>,
    /// Largest packet in bytes. Since 1.1.0.
    pub mtu: Option<u64>,
    /// Absolute path of a socket file. Since 1.1.0.
    pub socket_path: Option<String>,
    /// Which PCI device it is. Since 1.1.0.
    pub pci_id: Option<String>,
}

/// An address that the result assigns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IpConfig {
    /// The address; an IPv4-mapped one is given as IPv4.
    pub address: IpAddr,
    /// Length of the prefix in bits.
    pub prefix: u8,
    /// The gateway of its subnet.
    pub gateway: Option<IpAddr>,
    /// Index into [`AddResult::interfaces`]. It may point beyond the end, since some plugins say so.
    pub interface: Option<usize>,
}

/// A route in the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// Where it leads to; an IPv4-mapped address is given as IPv4.
    pub dst: IpAddr,
    /// Length of the prefix in bits.
    pub prefix: u8,
    /// Next hop; none means the gateway of the address, or directly.
    pub gw: Option<IpAddr>,
    /// Largest packet in bytes. Since 1.1.0, as are the following.
    pub mtu: Option<u64>,
    /// Largest TCP segment in bytes.
    pub advmss: Option<u64>,
    /// Smaller wins.
    pub priority: Option<u64>,
    /// Routing table.
    pub table: Option<u64>,
    /// Scope as the kernel counts it: 0 global, 253 link, 254 host.
    pub scope: Option<u64>,
}

/// Name resolution in the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dns {
    /// Addresses of servers, best first, as text.
    pub nameservers: Vec<String>,
    /// The local domain.
    pub domain: Option<String>,
    /// Domains to complete short names with, best first.
    pub search: Vec<String>,
    /// Options of the resolver.
    pub options: Vec<String>,
}

impl Interface {
    /// Returns an interface with this name and nothing else.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

impl IpConfig {
    /// Returns an address without gateway and interface.
    pub const fn new(address: IpAddr, prefix: u8) -> Self {
        Self { address, prefix, gateway: None, interface: None }
    }
}

impl AddResult {
    /// The interfaces, at the indexes that [`IpConfig::interface`] means. Empty in 0.1.0 and 0.2.0.
    pub fn interfaces(&self) -> Vec<Interface> {
        match Form::of(self.version) {
            Form::Slots => Vec::new(),
            // One that is no object keeps its place, so that the indexes stay right.
            _ => items(&self.document, "interfaces").map(Interface::read).collect(),
        }
    }

    /// The interfaces that the result made on the host (they have no sandbox).
    pub fn host_interfaces(&self) -> Vec<Interface> {
        self.interfaces().into_iter().filter(|interface| interface.sandbox.is_none()).collect()
    }

    /// All addresses in their order; in 0.1.0 and 0.2.0 `ip4`, then `ip6`.
    pub fn ips(&self) -> Vec<IpConfig> {
        match Form::of(self.version) {
            Form::Slots => self.slots().filter_map(|slot| IpConfig::read(slot, "ip")).collect(),
            _ => objects(&self.document, "ips")
                .filter_map(|ip| IpConfig::read(ip, "address"))
                .collect(),
        }
    }

    /// The addresses of the container's interface `ifname` (`CNI_IFNAME`), of both families.
    ///
    /// An address belongs to it when its index points to an interface of that name that has a sandbox. An address
    /// without index belongs to it too, and so do all addresses of a result that names no interfaces (0.1.0 and
    /// 0.2.0, and IPAM plugins in every version).
    pub fn ips_of(&self, ifname: &str) -> Vec<IpConfig> {
        let interfaces = self.interfaces();
        let is_its = |index: usize| {
            interfaces.get(index).is_some_and(|it| it.name == ifname && it.sandbox.is_some())
        };
        let belongs = |ip: &IpConfig| interfaces.is_empty() || ip.interface.is_none_or(is_its);
        self.ips().into_iter().filter(belongs).collect()
    }

    /// All routes in their order; in 0.1.0 and 0.2.0 those of `ip4`, then those of `ip6`.
    pub fn routes(&self) -> Vec<Route> {
        match Form::of(self.version) {
            Form::Slots => self
                .slots()
                .flat_map(|slot| objects(slot, "routes"))
                .filter_map(Route::read)
                .collect(),
            _ => objects(&self.document, "routes").filter_map(Route::read).collect(),
        }
    }

    /// Name resolution; empty where the result says nothing about it.
    pub fn dns(&self) -> Dns {
        let Some(Value::Object(dns)) = self.document.get("dns") else { return Dns::default() };
        Dns {
            nameservers: texts(dns, "nameservers"),
            domain: text(dns, "domain"),
            search: texts(dns, "search"),
            options: texts(dns, "options"),
        }
    }

    fn slots(&self) -> impl Iterator<Item = &Object> {
        ["ip4", "ip6"].into_iter().filter_map(|slot| self.document.get(slot)?.as_object())
    }
}

impl Interface {
    /// Reads the member of a list; anything but an object gives an interface without a name.
    fn read(value: &Value) -> Self {
        let Value::Object(object) = value else { return Self::default() };
        Self {
            name: text(object, "name").unwrap_or_default(),
            mac: text(object, "mac"),
            sandbox: text(object, "sandbox"),
            mtu: number(object, "mtu"),
            socket_path: text(object, "socketPath"),
            pci_id: text(object, "pciID"),
        }
    }
}

impl IpConfig {
    fn read(object: &Object, key: &str) -> Option<Self> {
        let (address, prefix) = address::cidr(object.get(key)?.as_str()?)?;
        // Old plugins print -1 for none. A number too large for memory points nowhere.
        let interface = number(object, "interface")
            .filter(|_| key == "address")
            .map(|index| usize::try_from(index).unwrap_or(usize::MAX));
        Some(Self { address, prefix, gateway: ip(object, "gateway"), interface })
    }
}

impl Route {
    fn read(object: &Object) -> Option<Self> {
        let (dst, prefix) = address::cidr(object.get("dst")?.as_str()?)?;
        Some(Self {
            dst,
            prefix,
            gw: ip(object, "gw"),
            mtu: number(object, "mtu"),
            advmss: number(object, "advmss"),
            priority: number(object, "priority"),
            table: number(object, "table"),
            scope: number(object, "scope"),
        })
    }
}

fn items<'a>(parent: &'a Object, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    parent.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn objects<'a>(parent: &'a Object, key: &str) -> impl Iterator<Item = &'a Object> + use<'a> {
    items(parent, key).filter_map(Value::as_object)
}

fn text(object: &Object, key: &str) -> Option<String> {
    object.get(key).filter(|value| !form::is_blank(value))?.as_str().map(str::to_owned)
}

fn texts(object: &Object, key: &str) -> Vec<String> {
    items(object, key).filter_map(Value::as_str).map(str::to_owned).collect()
}

fn number(object: &Object, key: &str) -> Option<u64> {
    object.get(key)?.as_u64()
}

fn ip(object: &Object, key: &str) -> Option<IpAddr> {
    address::ip(object.get(key)?.as_str()?)
}
