//! What the plugins around the one under test say: the plugin before it in a chain, or its delegate.

use std::net::{Ipv4Addr, Ipv6Addr};

use cni_test_kit::VethPair;
use cni_wrapper::SpecVersion;
use serde_json::{Value, json};

/// An interface that another plugin made, and the result that says so.
#[derive(Clone, Debug)]
pub struct Given {
    /// Its name in the container.
    pub ifname: String,
    /// The container's network namespace.
    pub netns: String,
    /// Tells this one from the others of a case; 2 to 254.
    pub number: u8,
}

impl Given {
    /// The host's end of the interface.
    pub fn host_ifname(&self) -> String {
        format!("given{}", self.number)
    }

    /// The address, with its prefix length.
    pub fn address4(&self) -> String {
        format!("10.77.0.{}/24", self.number)
    }

    /// The IPv6 address, with its prefix length.
    pub fn address6(&self) -> String {
        format!("fd00:77::{:x}/64", self.number)
    }

    /// The result of the plugin that made the interface.
    pub fn result(&self, version: SpecVersion) -> Value {
        let mut result = self.addresses(version, Some(1));
        if version >= SpecVersion::V0_3_0 {
            result["interfaces"] = json!([
                { "name": self.host_ifname(), "mac": self.mac(0) },
                { "name": self.ifname, "mac": self.mac(1), "sandbox": self.netns },
            ]);
        }
        result
    }

    /// The result of an IPAM plugin.
    pub fn ipam_result(&self, version: SpecVersion) -> Value {
        self.addresses(version, None)
    }

    /// The MAC address of the host's end (0) or the container's (1).
    pub fn mac(&self, end: u8) -> String {
        self.mac_bytes(end).map(|byte| format!("{byte:02x}")).join(":")
    }

    fn mac_bytes(&self, end: u8) -> [u8; 6] {
        [0x02, 0x77, 0, 0, end, self.number]
    }

    /// The interface itself.
    pub fn cable(&self) -> VethPair {
        let number = self.number;
        VethPair::new(
            (self.host_ifname(), self.mac_bytes(0)),
            (self.ifname.clone(), self.mac_bytes(1)),
            vec![
                (Ipv4Addr::new(10, 77, 0, number).into(), 24),
                (Ipv6Addr::new(0xfd00, 0x77, 0, 0, 0, 0, 0, number.into()).into(), 64),
            ],
        )
    }

    fn addresses(&self, version: SpecVersion, interface: Option<u32>) -> Value {
        let (address4, address6) = (self.address4(), self.address6());
        let routes = [json!({ "dst": "0.0.0.0/0", "gw": "10.77.0.1" })];
        if version < SpecVersion::V0_3_0 {
            return json!({
                "cniVersion": version.as_str(),
                "ip4": { "ip": address4, "gateway": "10.77.0.1", "routes": routes },
                "ip6": { "ip": address6, "gateway": "fd00:77::1" },
            });
        }
        let mut ips = [
            json!({ "address": address4, "gateway": "10.77.0.1" }),
            json!({ "address": address6, "gateway": "fd00:77::1" }),
        ];
        for (ip, family) in ips.iter_mut().zip(["4", "6"]) {
            if version < SpecVersion::V1_0_0 {
                ip["version"] = family.into();
            }
            if let Some(interface) = interface {
                ip["interface"] = interface.into();
            }
        }
        json!({ "cniVersion": version.as_str(), "ips": ips, "routes": routes })
    }
}

/// An address without its prefix length.
pub fn bare(address: &str) -> &str {
    address.split('/').next().unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> Given {
        Given { ifname: "eth0".to_owned(), netns: "/run/netns/ns2".to_owned(), number: 2 }
    }

    #[test]
    fn each_version_has_its_form() {
        let old = given().result(SpecVersion::V0_2_0);
        assert_eq!(old["ip4"]["ip"], "10.77.0.2/24");
        assert!(old.get("interfaces").is_none());
        let tagged = given().result(SpecVersion::V0_4_0);
        assert_eq!(tagged["ips"][1]["version"], "6");
        let plain = given().result(SpecVersion::V1_1_0);
        assert!(plain["ips"][1].get("version").is_none());
        assert_eq!(plain["ips"][0]["interface"], 1);
        assert_eq!(plain["interfaces"][1]["sandbox"], "/run/netns/ns2");
    }

    #[test]
    fn an_ipam_result_speaks_of_no_interface() {
        let result = given().ipam_result(SpecVersion::V1_0_0);
        assert!(result.get("interfaces").is_none() && result["ips"][0].get("interface").is_none());
    }
}
