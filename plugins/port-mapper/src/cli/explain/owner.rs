//! Who has the host port, by claims and by rules.

use serde_json::{Value, json};

use super::step::Step;
use super::way::Target;
use super::{Path, Question};
use crate::backend::OwnedPorts;
use crate::cli::inventory::{Inventory, owner_json};
use crate::cli::row::mapping_json;
use crate::family::Family;
use crate::liveness::Liveness;
use crate::mappings::Mapping;
use crate::owner::Owner;
use crate::ownership::Recorded;

/// An owner of the host port.
pub(super) enum Ownership<'a> {
    /// A claim, one of its mappings, and the family.
    Claim(&'a Recorded, &'a Mapping, Family),
    /// Rules without a claim.
    Rules(&'a OwnedPorts),
    None {
        port: String,
        /// Why it may have one nevertheless.
        unread: Option<String>,
    },
}

/// Returns the owners of a host port, at least one.
pub(super) fn owners<'a>(inventory: &'a Inventory, question: &Question) -> Vec<Ownership<'a>> {
    let family = question.from.as_ref().map(|(address, _)| Family::of(address));
    let families = Family::ALL.into_iter().filter(|one| family.is_none_or(|asked| asked == *one));
    let families: Vec<Family> = families.collect();
    let mut owners = Vec::new();
    for recorded in inventory.claims.iter().filter(|recorded| recorded.is_committed) {
        for mapping in recorded.claim.mappings.iter().filter(|mapping| has(mapping, question)) {
            let is_mapped = |family: &&Family| {
                mapping.host_ip.is_in(**family) && recorded.claim.address(**family).is_some()
            };
            let families = families.iter().filter(is_mapped);
            owners.extend(families.map(|family| Ownership::Claim(recorded, mapping, *family)));
        }
    }
    let is_asked = |owned: &&OwnedPorts| {
        let has_port = owned.ports.iter().any(|(ports, _)| {
            ports.protocol == question.protocol
                && (ports.first..=ports.last).contains(&question.port)
        });
        has_port && families.contains(&owned.family)
    };
    owners.extend(inventory.unrecorded.iter().filter(is_asked).map(Ownership::Rules));
    if owners.is_empty() {
        owners.push(Ownership::None {
            port: format!("{} host port {}", question.protocol, question.port),
            unread: inventory.errors.first().map(ToString::to_string),
        });
    }
    // A port of a container that is gone matters only if no other one has it.
    let is_gone = |owner: &Ownership<'_>| {
        matches!(owner, Ownership::Claim(Recorded { liveness: Liveness::Gone, .. }, ..))
    };
    if !owners.iter().all(is_gone) {
        owners.retain(|owner| !is_gone(owner));
    }
    owners
}

fn has(mapping: &Mapping, question: &Question) -> bool {
    mapping.protocol == question.protocol
        && (mapping.host_port..=mapping.last_host_port()).contains(&question.port)
}

impl<'a> Ownership<'a> {
    /// Returns where packets go, if the steps on their way can be decided.
    pub(super) fn target(&self, port: u16) -> Option<Target<'a>> {
        let Self::Claim(recorded, mapping, family) = *self else { return None };
        let claim = &recorded.claim;
        let container = claim.address(family)?.address;
        let container_port = mapping.container_port + (port - mapping.host_port);
        (recorded.liveness != Liveness::Gone).then_some(Target {
            claim,
            mapping,
            family,
            container,
            container_port,
            host_port: port,
        })
    }

    /// Returns the path with the step of the owner.
    pub(super) fn path(&self) -> Path {
        match self {
            Self::Claim(recorded, mapping, family) => {
                let owner = Owner::from(&recorded.claim.owner);
                Path {
                    title: format!("{mapping} of {owner}, {family}"),
                    json: json!({"owner": owner_json(&owner), "mapping": mapping_json(mapping),
                                 "family": family}),
                    steps: vec![step(recorded, &owner)],
                }
            }
            Self::Rules(owned) => {
                let id = owned.owner.container_id();
                let why = format!("there are rules of {}, but no record", owned.owner);
                Path {
                    title: format!("rules of {}, {}", owned.owner, owned.family),
                    json: json!({"owner": owner_json(&owned.owner), "family": owned.family}),
                    steps: vec![Step::unknown(NAME, why).with_remedy(format!(
                        "if it no longer exists: mesos-cni-port-mapper gc --force {id}"
                    ))],
                }
            }
            Self::None { port, unread } => {
                let list = "mesos-cni-port-mapper list";
                let step = match unread {
                    Some(why) => Step::unknown(NAME, format!("not all could be read: {why}")),
                    None => Step::failed(NAME, "no container has mapped it", list),
                };
                Path { title: port.clone(), json: json!({"owner": Value::Null}), steps: vec![step] }
            }
        }
    }
}

const NAME: &str = "owner";

fn step(recorded: &Recorded, owner: &Owner) -> Step {
    let id = owner.container_id();
    match recorded.liveness {
        Liveness::Alive => Step::ok(NAME, format!("{owner} exists")),
        Liveness::Gone => Step::failed(
            NAME,
            format!("{owner} no longer exists, so the port leads nowhere"),
            "mesos-cni-port-mapper gc",
        ),
        Liveness::Unseen => {
            let why = format!("the network namespace of {owner} can't be seen from here");
            Step::unknown(NAME, why).with_remedy(format!(
                "if it no longer exists: mesos-cni-port-mapper gc --force {id}"
            ))
        }
    }
}
