//! What the rules of the table do with the packets of one claim's mappings.

use cni_netlink::nftables::{Expression, InstalledRule};

use super::layout;
use super::maps::Map;
use super::network::{Network, network_of};
use crate::claim::Claim;

/// The rules of a claim's network.
pub(crate) struct MappingRules {
    /// The chain that translates.
    pub(crate) chain: String,
    exclusions: Vec<Vec<Expression>>,
}

/// Returns the rules of a claim's network.
pub(crate) fn mapping_rules(claim: &Claim) -> MappingRules {
    let network = Network::new(claim);
    let excludes = |rule: &&(Option<Map>, _)| rule.0.is_none();
    let rules = network.rules.iter().filter(excludes).map(|(_, rule)| rule);
    let of_chain = rules.filter(|rule| *rule.chain == *network.chain);
    let exclusions = of_chain.map(|rule| rule.expressions(layout::table().family)).collect();
    MappingRules { chain: network.chain.to_string(), exclusions }
}

impl MappingRules {
    /// Reports whether it is one of the rules by which packets are not mapped.
    pub(crate) fn is_exclusion(&self, rule: &InstalledRule) -> bool {
        rule.chain == self.chain && self.exclusions.contains(&rule.expressions)
    }

    /// Reports whether a set or map contains the host ports of the mappings: no other network's
    /// does. Returns `None` if it is not about host ports.
    pub(crate) fn has_port_in(&self, set: &str) -> Option<bool> {
        let (network, _) = set.rsplit_once('/')?;
        let is_of_ports = Map::of_a_network().any(|map| map.name(network) == set);
        is_of_ports.then(|| network == self.chain)
    }

    /// Reports whether packets of the mappings reach their rules by a chain of the table.
    pub(crate) fn leads_by(&self, chain: &str) -> bool {
        network_of(chain).is_none_or(|network| network == self.chain)
    }
}
