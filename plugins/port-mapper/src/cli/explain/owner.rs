//! Who has the host port, by claims and by rules.

use serde_json::{Value, json};

use super::step::Step;
use super::way::Target;
use super::whereabouts::Whereabouts;
use super::{Path, Question};
use crate::backend::OwnedPorts;
use crate::cli::inventory::{Inventory, owner_json};
use crate::cli::row::mapping_json;
use crate::family::Family;
use crate::liveness::Liveness;
use crate::mappings::Mapping;
use crate::owner::Owner;
use crate::ownership::Recorded;
use crate::program::quoted;

/// An owner of the host port.
pub(super) enum Ownership<'a> {
    /// A claim, one of its mappings, and the family.
    Claim(&'a Recorded, &'a Mapping, Family),
    /// Rules without a claim.
    Rules(&'a OwnedPorts),
    None {
        port: String,
        /// Mappings of the port that differ in the family or the protocol.
        others: Vec<Other<'a>>,
        /// The family, if a client was named.
        family: Option<Family>,
        /// Why it may have one nevertheless.
        unread: Option<String>,
    },
}

/// A mapping of the port for one family.
pub(super) struct Other<'a> {
    recorded: &'a Recorded,
    mapping: &'a Mapping,
    family: Family,
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
            others: others(inventory, question),
            family,
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

/// Returns the mappings of the port with another protocol, or for another family.
fn others<'a>(inventory: &'a Inventory, question: &Question) -> Vec<Other<'a>> {
    let mut others = Vec::new();
    for recorded in inventory.claims.iter().filter(|recorded| recorded.is_committed) {
        for mapping in recorded.claim.mappings.iter().filter(|one| has_port(one, question)) {
            let families = Family::ALL.into_iter().filter(|family| {
                mapping.host_ip.is_in(*family) && recorded.claim.address(*family).is_some()
            });
            others.extend(families.map(|family| Other { recorded, mapping, family }));
        }
    }
    others
}

fn has(mapping: &Mapping, question: &Question) -> bool {
    mapping.protocol == question.protocol && has_port(mapping, question)
}

fn has_port(mapping: &Mapping, question: &Question) -> bool {
    (mapping.host_port..=mapping.last_host_port()).contains(&question.port)
}

impl<'a> Ownership<'a> {
    /// Returns where the container's namespace is seen.
    pub(super) fn whereabouts(&self) -> Whereabouts {
        match self {
            Self::Claim(recorded, ..) => Whereabouts::of(recorded),
            _ => Whereabouts::Unseen,
        }
    }

    /// Returns where packets go, if the steps on their way can be decided.
    pub(super) fn target(&self, port: u16, whereabouts: &Whereabouts) -> Option<Target<'a>> {
        let Self::Claim(recorded, mapping, family) = *self else { return None };
        let claim = &recorded.claim;
        let container = claim.address(family)?.address;
        let container_port = mapping.container_port + (port - mapping.host_port);
        (*whereabouts != Whereabouts::Gone).then(|| Target {
            claim,
            mapping,
            family,
            container,
            container_port,
            host_port: port,
            netns: whereabouts.path(claim),
        })
    }

    /// Returns the path with the step of the owner.
    pub(super) fn path(&self, whereabouts: &Whereabouts) -> Path {
        match self {
            Self::Claim(recorded, mapping, family) => {
                let owner = Owner::from(&recorded.claim.owner);
                Path {
                    title: format!("{mapping} of {owner}, {family}"),
                    json: json!({"owner": owner_json(&owner), "mapping": mapping_json(mapping),
                                 "family": family}),
                    steps: vec![step(recorded, &owner, whereabouts)],
                }
            }
            Self::Rules(owned) => {
                let why = format!("there are rules of {}, but no record", owned.owner);
                Path {
                    title: format!("rules of {}, {}", owned.owner, owned.family),
                    json: json!({"owner": owner_json(&owned.owner), "family": owned.family}),
                    steps: vec![with_force(Step::unknown(NAME, why), &owned.owner)],
                }
            }
            Self::None { port, others, family, unread } => {
                let step = match unread {
                    Some(why) => Step::unknown(NAME, format!("not all could be read: {why}")),
                    None => nobody(port, others, *family),
                };
                Path { title: port.clone(), json: json!({"owner": Value::Null}), steps: vec![step] }
            }
        }
    }
}

const NAME: &str = "owner";

/// Decides if no container has mapped the port, and others have mapped it for another protocol or
/// family.
fn nobody(port: &str, others: &[Other<'_>], family: Option<Family>) -> Step {
    let family = family.map(|family| format!(" for {family}")).unwrap_or_default();
    let Some(Other { recorded, mapping, .. }) = others.first() else {
        return Step::failed(NAME, "no container has mapped it", "see which ports are mapped")
            .with_commands(["mesos-cni-port-mapper list"]);
    };
    let families: Vec<&str> = others
        .iter()
        .filter(|other| other.mapping == *mapping && other.recorded.claim == recorded.claim)
        .map(|other| other.family.as_str())
        .collect();
    let families = families.join(" and ");
    let owner = Owner::from(&recorded.claim.owner);
    let number = port.rsplit(' ').next().unwrap_or_default();
    Step::failed(
        NAME,
        format!("no container has mapped {port}{family}; {owner} has {mapping}, for {families}"),
        "ask for that protocol, with a client of that family, or map the port for this one, too",
    )
    .with_commands([format!("mesos-cni-port-mapper explain {number}/{}", mapping.protocol)])
}

fn step(recorded: &Recorded, owner: &Owner, whereabouts: &Whereabouts) -> Step {
    let path = &recorded.claim.netns;
    match whereabouts {
        Whereabouts::AtPath => Step::ok(NAME, format!("{owner} exists")),
        Whereabouts::Gone => Step::failed(
            NAME,
            format!("{owner} no longer exists, so the port leads nowhere"),
            "remove the mappings of all containers that no longer exist",
        )
        .with_commands(["mesos-cni-port-mapper gc"]),
        Whereabouts::Unseen => {
            let why = format!("the network namespace of {owner} can't be seen from here");
            with_force(Step::unknown(NAME, why), owner)
        }
        Whereabouts::InProcess(process) => {
            let why = format!(
                "the network namespace of {owner} is not at {path} any more, but process {process} \
                 is in it"
            );
            Step::unknown(NAME, why)
        }
        Whereabouts::Unmounted => {
            let why = format!("the network namespace of {owner} is not mounted at {path} any more");
            Step::unknown(NAME, why)
                .with_remedy("if it no longer exists, remove its mappings")
                .with_commands(["mesos-cni-port-mapper gc"])
        }
    }
}

fn with_force(step: Step, owner: &Owner) -> Step {
    let id = quoted(owner.container_id());
    step.with_remedy("if it no longer exists, remove its mappings")
        .with_commands([format!("mesos-cni-port-mapper gc --force {id}")])
}
