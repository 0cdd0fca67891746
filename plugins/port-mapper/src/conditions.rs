//! `conditionsV4` and `conditionsV6`: arguments of iptables that a connection must match to be
//! mapped, as the reference plugin `portmap` has them.
//!
//! They become words of the rule with the DNAT, so only arguments that match packets are accepted.
//! Nothing is passed to a shell. Pure: it reads and checks a list.

mod arguments;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::claim::Cidr;
use crate::config::BackendKind;
use crate::family::Family;
use crate::problem::Problem;
use arguments::Reader;

/// The conditions of a claim, as they were configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    /// For IPv4.
    #[serde(rename = "conditionsV4", default, skip_serializing_if = "Vec::is_empty")]
    v4: Vec<String>,
    /// For IPv6.
    #[serde(rename = "conditionsV6", default, skip_serializing_if = "Vec::is_empty")]
    v6: Vec<String>,
}

impl Conditions {
    /// Returns the conditions with these arguments, which [`check`] has accepted.
    pub fn new(v4: Vec<String>, v6: Vec<String>) -> Self {
        Self { v4, v6 }
    }

    /// Reports whether there are none in any family.
    pub fn is_empty(&self) -> bool {
        self.v4.is_empty() && self.v6.is_empty()
    }

    /// Returns the arguments for a family.
    pub fn of(&self, family: Family) -> &[String] {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    /// Returns the key of the first list that is not empty.
    pub fn key(&self) -> Option<&'static str> {
        Family::ALL.into_iter().find(|family| !self.of(*family).is_empty()).map(key)
    }

    /// Returns what the arguments for a family match.
    pub(crate) fn matches(&self, family: Family) -> Matches {
        // They were accepted when the configuration was read.
        Reader::new(family).read(self.of(family)).unwrap_or_default()
    }
}

/// Returns the configuration key of a family.
pub fn key(family: Family) -> &'static str {
    match family {
        Family::V4 => "conditionsV4",
        Family::V6 => "conditionsV6",
    }
}

/// Checks that arguments match packets and do nothing else.
///
/// # Errors
///
/// The index of the first argument that is not accepted, why, and what to do.
pub fn check(arguments: &[String], family: Family) -> Result<(), (usize, String)> {
    Reader::new(family).read(arguments).map(drop)
}

/// Returns the problem if a backend can't apply the conditions. Those of iptables can.
pub fn unsupported(conditions: &Conditions, backend: BackendKind) -> Option<Problem> {
    let key = conditions.key().filter(|_| backend == BackendKind::Nftables)?;
    let why = "its items are arguments of iptables, and the backend is nftables, which has no such \
               arguments; set \"backend\": \"iptables\" (install iptables if it is missing), or \
               remove the key";
    Some(Problem::new(key, why))
}

/// What arguments match, in the parts that iptables prints in an order of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Matches {
    /// `-s`: alternatives.
    pub(crate) sources: Option<Addresses>,
    /// `-d`: alternatives.
    pub(crate) destinations: Option<Addresses>,
    /// `-i`.
    pub(crate) device: Option<Device>,
    /// Matches of extensions (`-m`), with their options.
    pub(crate) extensions: Vec<String>,
}

/// Addresses of packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Whether all other addresses are meant. There is one in the list then.
    pub(crate) is_negated: bool,
    /// Subnets.
    pub(crate) any_of: Vec<Cidr>,
}

/// An incoming interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Device {
    /// Whether all other interfaces are meant.
    pub(crate) is_negated: bool,
    /// Its name, perhaps with a wildcard.
    pub(crate) name: String,
}

/// Reads an address, or a subnet with a prefix length or a mask.
fn subnet(text: &str, family: Family) -> Option<Cidr> {
    let (address, prefix) = match text.split_once('/') {
        None => (text, family.bits()),
        Some((address, prefix)) => (address, prefix_length(prefix)?),
    };
    let address: IpAddr = address.parse().ok()?;
    let subnet = Cidr::new(address, prefix)?.subnet();
    (Family::of(&address) == family).then_some(subnet)
}

/// Reads a prefix length, or the mask of IPv4 that means one.
fn prefix_length(text: &str) -> Option<u8> {
    if text.starts_with(|c: char| c.is_ascii_digit()) && !text.contains('.') {
        return text.parse().ok();
    }
    let mask = text.parse::<std::net::Ipv4Addr>().ok()?.to_bits();
    let ones = mask.leading_ones();
    (mask.count_ones() == ones).then(|| u8::try_from(ones).ok())?
}
