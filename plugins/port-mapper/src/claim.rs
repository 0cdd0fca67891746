//! What one attachment wants and holds on the host.
//!
//! A claim is the content of a state file, and everything that rules are computed from.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use cni_wrapper::result::IpConfig;
use cni_wrapper::{AddResult, Attachment, Call, NamespaceId};
use serde::{Deserialize, Serialize};

use crate::conditions::Conditions;
use crate::config::{BackendKind, Settings};
use crate::error::Error;
use crate::family::Family;
use crate::mappings::{HostAddress, Mapping};
use crate::problem::Problem;

/// The version of the state file format that is written.
pub const VERSION: u32 = 1;

/// The mappings of an attachment, and everything else that its rules are computed from.
///
/// Unknown keys are ignored when a claim is read from a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Claim {
    /// Always [`VERSION`].
    pub version: u32,
    /// The attachment that the claim and its rules belong to.
    pub owner: Attachment,
    /// The path of the container's network namespace; empty if it is unknown.
    #[serde(default)]
    pub netns: String,
    /// What identifies that namespace. Claims of earlier versions lack it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<NamespaceId>,
    /// The backend that created the rules.
    #[serde(default)]
    pub backend: BackendKind,
    /// The chain that contains the rules.
    pub chain: String,
    /// Interfaces whose incoming packets are not mapped.
    #[serde(default)]
    pub exclude_devices: Vec<String>,
    /// Whether source addresses are rewritten where a mapping could not work otherwise.
    pub snat: bool,
    /// Whether the source address of every mapped connection is rewritten.
    #[serde(default)]
    pub masq_all: bool,
    /// What connections must match to be mapped.
    #[serde(default, skip_serializing_if = "Conditions::is_empty")]
    pub conditions: Conditions,
    /// Whether mappings are not reached through 127.0.0.1 because this host does not allow it:
    /// decided once, by ADD ([`crate::host::localhost::decide`]).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub without_localhost: bool,
    /// The container's addresses. Mappings lead to the first one of each family.
    pub addresses: Vec<Cidr>,
    /// The mappings. A claim without any belongs to an attachment that has no rules.
    pub mappings: Vec<Mapping>,
    /// Mappings without rules, since another attachment of the same container has their host ports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standby: Vec<Mapping>,
}

impl Claim {
    /// Returns the claim of the attachment that a call is about.
    ///
    /// # Errors
    ///
    /// As [`Claim::new`].
    pub fn of_call(call: &Call, settings: &Settings, result: &AddResult) -> Result<Self, Error> {
        let ips = result.ips_of(&call.attachment.ifname);
        let addresses = ips.iter().filter_map(|ip| Cidr::new(ip.address, ip.prefix)).collect();
        let netns = call.netns.clone().unwrap_or_default();
        Self::new(call.attachment.clone(), netns, addresses, settings).map_err(
            |error| match error {
                Error::NoAddress { mapping, family, .. } => {
                    let others = others_addresses(result, &call.attachment.ifname);
                    Error::NoAddress { mapping, family, others }
                }
                error => error,
            },
        )
    }

    /// Combines the settings with the container's addresses.
    ///
    /// A mapping of all addresses of one family is left out if the container has no address of that
    /// family, and the same ports are mapped in the other family: some runtimes ask for `0.0.0.0`
    /// and `::` to mean all addresses.
    ///
    /// # Errors
    ///
    /// A mapping that can never work: code 102 if the container has no address for it, code 7 if
    /// its host address is in 127.0.0.0/8 and `snat` is off.
    pub fn new(
        owner: Attachment,
        netns: String,
        addresses: Vec<Cidr>,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let mut claim = Self {
            version: VERSION,
            owner,
            netns,
            namespace: None,
            backend: settings.backend.unwrap_or_default(),
            chain: settings.chain.clone(),
            exclude_devices: settings.exclude_devices.clone(),
            snat: settings.snat,
            masq_all: settings.masq_all,
            conditions: settings.conditions.clone(),
            without_localhost: false,
            addresses,
            mappings: settings.mappings.clone(),
            standby: Vec::new(),
        };
        let left_out = claim.covered_by_the_other_family();
        claim.mappings.retain(|mapping| !left_out.contains(mapping));
        claim.mappings.iter().try_for_each(|mapping| claim.check_mapping(mapping))?;
        Ok(claim)
    }

    /// Returns the mappings of all addresses of a family that the container lacks, and whose ports
    /// are mapped in the other family.
    fn covered_by_the_other_family(&self) -> Vec<Mapping> {
        let is_mapped = |mapping: &Mapping| Family::ALL.iter().any(|one| self.maps(mapping, *one));
        let is_covered = |mapping: &&Mapping| {
            matches!(mapping.host_ip, HostAddress::AnyOf(_))
                && !is_mapped(mapping)
                && self.mappings.iter().any(|other| {
                    let is_same = Mapping { host_ip: mapping.host_ip, ..*other } == **mapping;
                    is_same && other.host_ip.one().is_none() && is_mapped(other)
                })
        };
        self.mappings.iter().filter(is_covered).copied().collect()
    }

    fn check_mapping(&self, mapping: &Mapping) -> Result<(), Error> {
        if let HostAddress::One(IpAddr::V4(address)) = mapping.host_ip
            && address.is_loopback()
            && !self.snat
        {
            let why = format!(
                "{mapping}: {address} can only be mapped with source NAT; remove \"snat\": false"
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
        Err(Error::NoAddress { mapping: mapping.to_string(), family, others: String::new() })
    }

    fn maps(&self, mapping: &Mapping, family: Family) -> bool {
        mapping.host_ip.is_in(family) && self.address(family).is_some()
    }

    /// Reports whether it is of the same container, as far as is known: the container id is the
    /// same, and the network namespaces are not proven to be different. Container ids are unique
    /// within one runtime, not on a host.
    pub fn is_companion_of(&self, other: &Self) -> bool {
        let may_share_namespace = match (&self.namespace, &other.namespace) {
            (Some(own), Some(other)) => own.file.may_be(&other.file),
            _ => true,
        };
        self.owner.container_id == other.owner.container_id && may_share_namespace
    }

    /// Reports whether it has mappings, on standby or not.
    pub fn has_any(&self) -> bool {
        !self.mappings.is_empty() || !self.standby.is_empty()
    }

    /// Returns all mappings, including those on standby.
    pub fn all_mappings(&self) -> Vec<Mapping> {
        self.mappings.iter().chain(&self.standby).copied().collect()
    }

    /// Returns the container's address in a family.
    pub fn address(&self, family: Family) -> Option<Cidr> {
        self.addresses.iter().find(|cidr| Family::of(&cidr.address) == family).copied()
    }

    /// Reports whether it has something to map in a family.
    pub fn maps_in(&self, family: Family) -> bool {
        self.families().any(|mapped| mapped == family)
    }

    /// Returns the families that have something to map. Rules of the others are not touched.
    pub fn families(&self) -> impl Iterator<Item = Family> + '_ {
        Family::ALL
            .into_iter()
            .filter(|&family| self.mappings.iter().any(|mapping| self.maps(mapping, family)))
    }

    /// Reports whether a mapping is reachable through 127.0.0.1, which requires source NAT,
    /// `route_localnet` and the guard rules. The kernel has no equivalent for IPv6.
    pub fn serves_localhost(&self) -> bool {
        self.snat
            && !self.without_localhost
            && self.address(Family::V4).is_some()
            && self.mappings.iter().any(|mapping| match mapping.host_ip {
                HostAddress::One(IpAddr::V4(address)) => address.is_loopback(),
                address => address.is_in(Family::V4),
            })
    }
}

/// Returns why addresses of a result are not those of the container's interface: text to be put
/// after "no address for the container".
fn others_addresses(result: &AddResult, ifname: &str) -> String {
    let interfaces = result.interfaces();
    let whose = |ip: IpConfig| {
        let interface = interfaces.get(ip.interface?)?;
        let (name, address) = (&interface.name, format!("{}/{}", ip.address, ip.prefix));
        Some(match interface.name == ifname {
            true if interface.sandbox.is_some() => return None,
            true => format!(
                "{address} belongs to interface {name}, which has no sandbox, so it is taken for \
                 one of the host"
            ),
            false => format!("{address} belongs to interface {name}, not to {ifname}"),
        })
    };
    let others: Vec<String> = result.ips().into_iter().filter_map(whose).collect();
    if others.is_empty() { String::new() } else { format!(" ({})", others.join(", ")) }
}

/// An address with the prefix length of its subnet: `192.168.0.2/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cidr {
    /// The address itself.
    pub address: IpAddr,
    prefix: u8,
}

impl Cidr {
    /// Returns an address in a subnet, or `None` if the prefix is longer than the address.
    pub fn new(address: IpAddr, prefix: u8) -> Option<Self> {
        (prefix <= Family::of(&address).bits()).then_some(Self { address, prefix })
    }

    /// Returns the prefix length, at most 32 or 128.
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// Returns the subnet, as its first address with the same prefix length.
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

    /// Returns the address as a subnet that contains nothing else (/32 or /128).
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
                format!("{text:?} is not an address with a prefix length, such as 192.0.2.7/24")
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
#[path = "claim_tests.rs"]
mod tests;
