//! Typed views, the same for every version of the specification.
//!
//! A result was checked when it was parsed, so no entry is missing from a view. If it was changed
//! through [`AddResult::document_mut`], malformed entries are left out.

use std::net::IpAddr;

use serde_json::Value;

use super::{
    add_result::AddResult,
    address,
    layout::{self, Layout},
};
use crate::json::Object;

/// An interface of a result. 0.1.0 and 0.2.0 have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// The name, within its sandbox or on the host.
    pub name: String,
    /// The hardware address, as text.
    pub mac: Option<String>,
    /// What isolates it, usually the path of a network namespace; `None` for an interface of the
    /// host.
    pub sandbox: Option<String>,
    /// The largest packet in bytes. Since 1.1.0.
    pub mtu: Option<u64>,
    /// The absolute path of a socket file. Since 1.1.0.
    pub socket_path: Option<String>,
    /// The id of its PCI device. Since 1.1.0.
    pub pci_id: Option<String>,
}

/// An address of a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IpConfig {
    /// The address; an IPv4-mapped one is returned as IPv4.
    pub address: IpAddr,
    /// The length of the prefix in bits.
    pub prefix: u8,
    /// The gateway of its subnet.
    pub gateway: Option<IpAddr>,
    /// The index in [`AddResult::interfaces`]. Some plugins print one beyond the end.
    pub interface: Option<usize>,
}

/// A route in the container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The destination; an IPv4-mapped address is returned as IPv4.
    pub dst: IpAddr,
    /// The length of the prefix in bits.
    pub prefix: u8,
    /// The next hop; `None` means the gateway of the address, or a direct route.
    pub gw: Option<IpAddr>,
    /// The largest packet in bytes. Since 1.1.0, as are the members below.
    pub mtu: Option<u64>,
    /// The largest TCP segment in bytes.
    pub advmss: Option<u64>,
    /// The priority; a smaller one is preferred.
    pub priority: Option<u64>,
    /// The routing table.
    pub table: Option<u64>,
    /// The scope as the kernel numbers it: 0 global, 253 link, 254 host.
    pub scope: Option<u64>,
}

/// The name resolution of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Dns {
    /// Addresses of servers as text, in order of preference.
    pub nameservers: Vec<String>,
    /// The local domain.
    pub domain: Option<String>,
    /// Domains that complete short names, in order of preference.
    pub search: Vec<String>,
    /// Options for the resolver.
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
    /// Returns the interfaces, to which [`IpConfig::interface`] refers. Empty in 0.1.0 and 0.2.0.
    pub fn interfaces(&self) -> Vec<Interface> {
        match Layout::of(self.version) {
            Layout::V020 => Vec::new(),
            // An entry that is not an object keeps its place, so that the indexes stay right.
            _ => items(&self.document, "interfaces").map(Interface::read).collect(),
        }
    }

    /// Returns the interfaces on the host, which have no sandbox.
    pub fn host_interfaces(&self) -> Vec<Interface> {
        self.interfaces().into_iter().filter(|interface| interface.sandbox.is_none()).collect()
    }

    /// Returns all addresses in their order; in 0.1.0 and 0.2.0 `ip4`, then `ip6`.
    pub fn ips(&self) -> Vec<IpConfig> {
        match Layout::of(self.version) {
            Layout::V020 => self.slots().filter_map(|slot| IpConfig::read(slot, "ip")).collect(),
            _ => objects(&self.document, "ips")
                .filter_map(|ip| IpConfig::read(ip, "address"))
                .collect(),
        }
    }

    /// Returns the addresses of the container's interface `ifname` (`CNI_IFNAME`), of both
    /// families.
    ///
    /// An address belongs to it if its index refers to an interface of that name that has a
    /// sandbox. An address without index belongs to it, too, and so do all addresses of a result
    /// without interfaces (0.1.0 and 0.2.0, and IPAM plugins in every version).
    pub fn ips_of(&self, ifname: &str) -> Vec<IpConfig> {
        let interfaces = self.interfaces();
        let is_wanted = |index: usize| {
            interfaces
                .get(index)
                .is_some_and(|interface| interface.name == ifname && interface.sandbox.is_some())
        };
        let belongs = |ip: &IpConfig| interfaces.is_empty() || ip.interface.is_none_or(is_wanted);
        self.ips().into_iter().filter(belongs).collect()
    }

    /// Returns all routes in their order; in 0.1.0 and 0.2.0 those of `ip4`, then those of `ip6`.
    pub fn routes(&self) -> Vec<Route> {
        match Layout::of(self.version) {
            Layout::V020 => self
                .slots()
                .flat_map(|slot| objects(slot, "routes"))
                .filter_map(Route::read)
                .collect(),
            _ => objects(&self.document, "routes").filter_map(Route::read).collect(),
        }
    }

    /// Returns the name resolution, which is empty if the result has none.
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
    /// Reads an entry of the list. One that is not an object gives an interface without a name.
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
        // Old plugins print -1 for none. A number beyond `usize` refers to nothing.
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
    object.get(key).filter(|value| !layout::is_blank(value))?.as_str().map(str::to_owned)
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
