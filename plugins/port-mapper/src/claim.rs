//! What one attachment claims on the host: the content of its state file, and the source of its rules.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::config::{BackendKind, Settings};
use crate::error::{Error, Problem};
use crate::family::Family;
use crate::mappings::{HostAddress, Mapping};
use crate::owner::Owner;

/// The form of the state file that this version writes.
pub const VERSION: u32 = 1;

/// Everything that rules are made from, and whose they are.
///
/// Keys of a later version are ignored when it is read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// Always [`VERSION`].
    pub version: u32,
    /// Whose it is.
    pub owner: Owner,
    /// Path of the container's network namespace; empty when it is not known.
    #[serde(default)]
    pub netns: String,
    /// When it was made, in seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<u64>,
    /// Which program made the rules.
    #[serde(default)]
    pub backend: BackendKind,
    /// The chain that holds them.
    pub chain: String,
    /// Interfaces from which nothing is mapped.
    #[serde(default)]
    pub exclude_devices: Vec<String>,
    /// Whether source addresses are rewritten where a mapping could not work otherwise.
    pub snat: bool,
    /// Whether the source address of every mapped connection is rewritten.
    #[serde(default)]
    pub masq_all: bool,
    /// The container's addresses. The first of each family is the one that mappings lead to.
    pub addresses: Vec<Cidr>,
    /// The mappings; a claim without any stands for an attachment that has no rules.
    pub mappings: Vec<Mapping>,
}

impl Claim {
    /// Joins the settings with what the result says of the container.
    ///
    /// # Errors
    ///
    /// A mapping that could never work: code 102 when the container has no address for it, code 7 when it is of
    /// 127.0.0.0/8 and `snat` is off.
    pub fn new(
        owner: Owner,
        netns: String,
        addresses: Vec<Cidr>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let claim = Self {
            version: VERSION,
            owner,
            netns,
            created: None,
            backend: settings.backend.unwrap_or_default(),
            chain: settings.chain.clone(),
            exclude_devices: settings.exclude_devices.clone(),
            snat: settings.snat,
            masq_all: settings.masq_all,
            addresses,
            mappings: settings.mappings.clone(),
        };
        claim.mappings.iter().try_for_each(|mapping| claim.can_work(mapping))?;
        Ok(claim)
    }

    fn can_work(&self, mapping: &Mapping) -> Result<(), Error> {
        if let HostAddress::One(IpAddr::V4(address)) = mapping.host_ip
            && address.is_loopback()
            && !self.snat
        {
            let why = format!(
                "{mapping}: {address} can only be mapped with source NAT; drop \"snat\": false"
            );
            return Err(Error::Config(vec![Problem::new("snat", why)]));
        }
        if Family::ALL.into_iter().any(|family| self.maps(mapping, family)) {
            return Ok(());
        }
        let family = match mapping.host_ip {
            HostAddress::Any => "IPv4 or IPv6",
            address if address.is_in(Family::V4) => "IPv4",
            _ => "IPv6",
        };
        Err(Error::NoAddress { mapping: mapping.to_string(), family })
    }

    fn maps(&self, mapping: &Mapping, family: Family) -> bool {
        mapping.host_ip.is_in(family) && self.address(family).is_some()
    }

    /// The container's address of a family.
    pub fn address(&self, family: Family) -> Option<Cidr> {
        self.addresses.iter().find(|cidr| Family::of(&cidr.address) == family).copied()
    }

    /// The families in which there is something to map. No other is touched.
    pub fn families(&self) -> impl Iterator<Item = Family> + '_ {
        Family::ALL
            .into_iter()
            .filter(|&family| self.mappings.iter().any(|mapping| self.maps(mapping, family)))
    }

    /// Whether a mapping is reached by 127.0.0.1, which takes source NAT, `route_localnet` and its guard.
    /// There is no such thing for IPv6.
    pub fn serves_localhost(&self) -> bool {
        self.snat
            && self.address(Family::V4).is_some()
            && self.mappings.iter().any(|mapping| match mapping.host_ip {
                HostAddress::One(IpAddr::V4(address)) => address.is_loopback(),
                address => address.is_in(Family::V4),
            })
    }
}

/// An address and the length of its subnet's prefix: `192.168.0.2/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    /// The address itself.
    pub address: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// An address in a subnet; `None` when the prefix is longer than the address.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        (prefix <= Family::of(&address).bits()).then_some(Self { address, prefix })
    }

    /// Length of the prefix, at most 32 or 128.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// The subnet, by its first address.
    pub fn subnet(self) -> Self {
        let address = match self.address {
            IpAddr::V4(address) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::V4((address.to_bits() & mask).into())
            }
            IpAddr::V6(address) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                IpAddr::V6((address.to_bits() & mask).into())
            }
        };
        Self { address, ..self }
    }

    /// The address alone, as a subnet of one.
    pub fn alone(self) -> Self {
        Self { prefix: Family::of(&self.address).bits(), ..self }
    }
}

impl FromStr for Cidr {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.split_once('/')
            .and_then(|(address, prefix)| Self::new(address.parse().ok()?, prefix.parse().ok()?))
            .ok_or_else(|| {
                format!("{text:?} is no address with a prefix length, such as 192.0.2.7/24")
            })
    }
}

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Cidr> for String {
    fn from(cidr: Cidr) -> Self {
        cidr.to_string()
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::Config;

    fn claim(config: serde_json::Value, addresses: &[&str]) -> Result<Claim, Error> {
        let config: Config = serde_json::from_value(config).unwrap();
        let own = str::to_owned;
        let owner = Owner { network: own("n"), container_id: own("c"), ifname: own("eth0") };
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        Claim::new(owner, own("/run/netns/c"), addresses, &Settings::from(&config)?)
    }

    fn mapped(host_ip: &str) -> serde_json::Value {
        json!({"portMappings": [{"hostPort": 80, "containerPort": 8080, "hostIP": host_ip}]})
    }

    fn on(host_ip: &str, addresses: &[&str]) -> Result<Claim, Error> {
        claim(json!({ "runtimeConfig": mapped(host_ip) }), addresses)
    }

    #[test]
    fn a_mapping_needs_a_container_address_of_its_family() {
        assert!(on("192.0.2.1", &["10.0.0.2/24"]).is_ok());
        assert!(on("", &["fd00::2/64"]).is_ok());
        for (host_ip, addresses) in
            [("192.0.2.1", vec!["fd00::2/64"]), ("::", vec!["10.0.0.2/24"]), ("", vec![])]
        {
            assert_eq!(on(host_ip, &addresses).unwrap_err().code(), 102, "{host_ip}");
        }
    }

    #[test]
    fn localhost_is_served_at_any_ipv4_address_unless_snat_is_off() {
        let serves = |ip: &str| on(ip, &["10.0.0.2/24", "fd00::2/64"]).unwrap().serves_localhost();
        assert!(serves("") && serves("0.0.0.0") && serves("127.0.0.1"));
        assert!(!serves("192.0.2.1") && !serves("::"));
        let off = json!({"snat": false, "runtimeConfig": mapped("")});
        assert!(!claim(off, &["10.0.0.2/24"]).unwrap().serves_localhost());
        let dead = json!({"snat": false, "runtimeConfig": mapped("127.0.0.1")});
        assert_eq!(claim(dead, &["10.0.0.2/24"]).unwrap_err().code(), 7);
    }

    #[test]
    fn only_families_with_something_to_map_are_touched() {
        let families = |ip: &str, addresses: &[&str]| -> Vec<Family> {
            on(ip, addresses).unwrap().families().collect()
        };
        assert_eq!(families("", &["10.0.0.2/24", "fd00::2/64"]), Family::ALL);
        assert_eq!(families("", &["10.0.0.2/24"]), [Family::V4]);
        assert_eq!(families("2001:db8::1", &["10.0.0.2/24", "fd00::2/64"]), [Family::V6]);
    }

    #[test]
    fn a_claim_survives_its_own_json_and_ignores_keys_of_the_future() {
        let claim = on("192.0.2.1", &["10.0.0.2/24"]).unwrap();
        let mut json = serde_json::to_value(&claim).unwrap();
        json["later"] = json!({"x": 1});
        assert_eq!(serde_json::from_value::<Claim>(json).unwrap(), claim);
    }

    #[test]
    fn subnets_are_masked() {
        let subnet = |text: &str| text.parse::<Cidr>().unwrap().subnet().to_string();
        assert_eq!(subnet("192.168.3.7/16"), "192.168.0.0/16");
        assert_eq!(subnet("10.0.0.1/0"), "0.0.0.0/0");
        assert_eq!(subnet("10.0.0.1/32"), "10.0.0.1/32");
        assert_eq!(subnet("fd00:0:0:1::7/64"), "fd00:0:0:1::/64");
        assert_eq!(subnet("fd00::7/0"), "::/0");
        assert!("10.0.0.1/33".parse::<Cidr>().is_err());
        assert!("10.0.0.1".parse::<Cidr>().is_err());
    }
}
