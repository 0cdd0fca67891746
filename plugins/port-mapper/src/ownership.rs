//! The decision who has a host port, by the claims of all attachments on this host. Pure: it
//! touches nothing.
//!
//! Rules alone don't say it: they can be lost while the container that they lead to lives.

use std::path::PathBuf;

use crate::claim::Claim;
use crate::conflict::{Conflict, Evidence, HostPorts, MappingIndex};
use crate::family::Family;
use crate::liveness::Liveness;
use crate::mappings::Mapping;
use crate::owner::Owner;

/// A claim of another attachment.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The claim.
    pub claim: Claim,
    /// Whether its container still exists.
    pub liveness: Liveness,
    /// Whether its ADD succeeded. Otherwise an ADD or DEL is running or was killed, and only rules
    /// show whether it still has its host ports.
    pub is_committed: bool,
    /// The state directory that contains it.
    pub state_dir: PathBuf,
}

/// What follows for a claim from those of others.
#[derive(Debug, Default)]
pub struct Decision {
    /// The host ports that another container has.
    pub conflicts: Vec<Conflict>,
    /// Claims of containers that no longer exist: they are removed first.
    pub gone: Vec<Recorded>,
    /// Mappings whose host ports another attachment of the same container has. They take effect
    /// when that is detached.
    pub standby: Vec<Mapping>,
}

/// Decides about a claim. `others` are the claims of other attachments which may overlap it.
pub fn decide(claim: &Claim, others: Vec<Recorded>) -> Decision {
    let mut decision = Decision::default();
    for other in others {
        let is_companion = other.claim.is_companion_of(claim);
        // A container keeps the ports of a mapping on standby.
        let theirs =
            if is_companion { other.claim.mappings.clone() } else { other.claim.all_mappings() };
        let overlaps = overlaps(claim, &other.claim, &theirs);
        if overlaps.is_empty() {
            continue;
        }
        match other.liveness {
            Liveness::Gone => {
                decision.gone.push(other);
                continue;
            }
            _ if !other.is_committed => continue,
            _ => {}
        }
        if is_companion {
            decision.standby.extend(overlaps.into_iter().map(|(mapping, _)| mapping));
        } else {
            let evidence = Evidence::of(other.liveness);
            let owner = Owner::from(&other.claim.owner);
            decision.conflicts.extend(overlaps.into_iter().map(|(mapping, ports)| Conflict {
                mapping,
                ports,
                owner: owner.clone(),
                evidence,
            }));
        }
    }
    decision
}

/// Returns the mappings of a claim that overlap one of these mappings of another, each once.
fn overlaps(claim: &Claim, other: &Claim, theirs: &[Mapping]) -> Vec<(Mapping, HostPorts)> {
    let mut found: Vec<(Mapping, HostPorts)> = Vec::new();
    for family in Family::ALL {
        if claim.address(family).is_none() || other.address(family).is_none() {
            continue;
        }
        let their_index = MappingIndex::new(theirs, family);
        for mapping in claim.all_mappings() {
            let is_new = found.iter().all(|(known, _)| *known != mapping);
            if is_new
                && mapping.host_ip.is_in(family)
                && let Some(its) = their_index.overlap(&HostPorts::of(&mapping))
            {
                found.push((mapping, HostPorts::of(&its)));
            }
        }
    }
    found
}

impl Claim {
    /// Returns the claim with exactly these of its mappings on standby.
    pub fn with_standby(mut self, standby: &[Mapping]) -> Self {
        let (waiting, active) =
            self.all_mappings().into_iter().partition(|mapping| standby.contains(mapping));
        (self.standby, self.mappings) = (waiting, active);
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{Config, Settings};

    fn claim(id: &str, ifname: &str, ports: &[u16]) -> Claim {
        let mappings: Vec<_> =
            ports.iter().map(|port| json!({"hostPort": port, "containerPort": 80})).collect();
        let config = json!({"runtimeConfig": {"portMappings": mappings}});
        let config: Config = serde_json::from_value(config).unwrap();
        let owner = cni_wrapper::Attachment::new("n", id, ifname);
        let addresses = vec!["10.0.0.2/24".parse().unwrap()];
        Claim::new(owner, String::new(), addresses, &Settings::from(&config).unwrap()).unwrap()
    }

    fn recorded(claim: Claim, liveness: Liveness) -> Recorded {
        Recorded { claim, liveness, is_committed: true, state_dir: "/run/s".into() }
    }

    fn ports(mappings: &[Mapping]) -> Vec<u16> {
        mappings.iter().map(|mapping| mapping.host_port).collect()
    }

    #[test]
    fn a_port_of_a_container_that_lives_or_cannot_be_seen_is_a_conflict() {
        for (liveness, evidence) in
            [(Liveness::Alive, Evidence::Alive), (Liveness::Unseen, Evidence::Unseen)]
        {
            let other = recorded(claim("c1", "eth0", &[80, 81]), liveness);
            let decision = decide(&claim("c2", "eth0", &[79, 80]), vec![other]);
            let [conflict] = decision.conflicts.as_slice() else { panic!("{decision:?}") };
            assert_eq!((conflict.mapping.host_port, conflict.evidence), (80, evidence));
            assert!(decision.gone.is_empty() && decision.standby.is_empty());
        }
    }

    #[test]
    fn a_container_that_is_gone_is_replaced() {
        let gone = recorded(claim("c1", "eth0", &[80]), Liveness::Gone);
        let decision = decide(&claim("c2", "eth0", &[80]), vec![gone]);
        assert!(decision.conflicts.is_empty());
        assert_eq!(decision.gone[0].claim.owner.container_id, "c1");
    }

    #[test]
    fn ports_that_do_not_overlap_concern_nobody() {
        let other = recorded(claim("c1", "eth0", &[81]), Liveness::Gone);
        let decision = decide(&claim("c2", "eth0", &[80]), vec![other]);
        assert!(decision.gone.is_empty() && decision.conflicts.is_empty());
    }

    #[test]
    fn the_same_container_shares_its_ports_among_its_attachments() {
        let first = recorded(claim("c1", "eth0", &[80, 81]), Liveness::Alive);
        let second = claim("c1", "eth1", &[80, 82]);
        let decision = decide(&second, vec![first]);
        assert!(decision.conflicts.is_empty());
        let second = second.with_standby(&decision.standby);
        assert_eq!((ports(&second.mappings), ports(&second.standby)), (vec![82], vec![80]));
        // Its port on standby is not free for others.
        let decision = decide(&claim("c2", "eth0", &[80]), vec![recorded(second, Liveness::Alive)]);
        assert_eq!(decision.conflicts.len(), 1);
    }

    #[test]
    fn a_mapping_on_standby_takes_effect_when_its_port_is_free() {
        let waiting = claim("c1", "eth1", &[80]);
        let all = waiting.all_mappings();
        let waiting = waiting.with_standby(&all);
        assert!(waiting.mappings.is_empty());
        let decision = decide(&waiting, Vec::new());
        assert_eq!(ports(&waiting.with_standby(&decision.standby).mappings), [80]);
    }
}
