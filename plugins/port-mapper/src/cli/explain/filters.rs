//! Whether the firewalls of the host and the container let the packets of a connection pass.

use std::net::IpAddr;

use cni_netlink::nftables::Hook;

use super::firewall::Firewall;
use super::hooks::{Connection, Layer, Passage, Place, passages};
use super::obstacle::{Obstacle, obstacle};
use super::packet::{Stage, contains};
use super::step::{Status, Step};

/// A part of a connection's way, which is one step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// From the client until the host routes its packets, also the later ones.
    Before,
    /// From there to the container.
    Host,
    Container,
    /// What follows the first packet.
    Answers,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Before => "before routing",
            Self::Host => "firewall",
            Self::Container => "container firewall",
            Self::Answers => "answers' firewall",
        }
    }

    fn of(passage: &Passage) -> Self {
        let is_below = passage.layer == Layer::Bridge;
        match (passage.place, passage.stage, passage.hook) {
            (Place::Container, ..) => Self::Container,
            (_, Stage::Answer, _) => Self::Answers,
            (_, _, Hook::Ingress | Hook::Prerouting) => Self::Before,
            (_, _, Hook::Input) if is_below => Self::Before,
            (_, Stage::Following, _) => Self::Answers,
            _ => Self::Host,
        }
    }
}

/// A firewall and the way through it.
pub(in crate::cli) struct Filters<'a> {
    pub(in crate::cli) firewall: &'a Firewall,
    pub(in crate::cli) connection: &'a Connection,
    /// The addresses of the host.
    pub(in crate::cli) addresses: &'a [IpAddr],
}

impl Filters<'_> {
    /// Decides whether a received packet reaches the routing.
    pub(super) fn before(&self) -> Step {
        self.step(Part::Before, self.obstacle(Part::Before), "no rule drops the packets")
    }

    /// Decides whether packets pass from there to the container.
    pub(super) fn host(&self) -> Step {
        let obstacle = self.obstacle(Part::Host);
        self.step(Part::Host, obstacle, "lets packets to the container pass")
    }

    /// Decides whether answers of the container, and what the client sends then, pass this host.
    /// There is no such step if the remedy of an earlier one is that of this one, too.
    pub(super) fn answers(&self, earlier: &[Step]) -> Option<Step> {
        let obstacle = self.obstacle(Part::Answers);
        let step = self.step(Part::Answers, obstacle, "lets answers of the container pass");
        let is_repeated = earlier.iter().any(|one| {
            let is_as_bad = one.status == Status::Failed || one.status == step.status;
            step.remedy.is_some() && one.remedy == step.remedy && is_as_bad
        });
        (!is_repeated).then_some(step)
    }

    /// Decides whether packets and answers pass the container's own rules, which were read from its
    /// network namespace `netns`.
    pub(super) fn container(&self, netns: &str) -> Step {
        let obstacle = self.obstacle(Part::Container);
        let obstacle = obstacle.map(|obstacle| Obstacle {
            remedy: format!("nsenter --net={netns} {}", obstacle.remedy),
            ..obstacle
        });
        self.step(Part::Container, obstacle, "no rule of the container drops the packets")
    }

    /// Decides whether packets pass the host, in both directions.
    pub(in crate::cli) fn both_ways(&self) -> Step {
        let passages = passages(self.connection);
        let of_host = passages.iter().filter(|passage| passage.place == Place::Host);
        let is_lost = |address| self.is_lost(address);
        let obstacle = obstacle(self.firewall, of_host, &is_lost);
        self.step(Part::Host, obstacle, "lets packets to containers and their answers pass")
    }

    /// Finds what drops packets on a part of the way. Those of a connection of which the address of
    /// the host is unknown are addressed to one of its addresses.
    fn obstacle(&self, part: Part) -> Option<Obstacle> {
        let any = self.obstacle_of(self.connection, part)?;
        if any.is_certain || self.connection.asked.is_some() || self.addresses.is_empty() {
            return Some(any);
        }
        let asked = |address: &IpAddr| {
            let connection = Connection { asked: Some(*address), ..self.connection.clone() };
            self.obstacle_of(&connection, part)
        };
        let found: Vec<Option<Obstacle>> = self.addresses.iter().map(asked).collect();
        let is_always = found.iter().all(|one| one.as_ref().is_some_and(|one| one.is_certain));
        let worst = found.into_iter().flatten().max_by_key(|one| one.is_certain)?;
        let is_partly = worst.is_certain && !is_always;
        let addition = if is_partly { ", for some addresses of this host" } else { "" };
        let message = worst.message + addition;
        Some(Obstacle { is_certain: worst.is_certain && is_always, message, ..worst })
    }

    fn obstacle_of(&self, connection: &Connection, part: Part) -> Option<Obstacle> {
        let passages = passages(connection);
        let of_part = passages.iter().filter(|passage| Part::of(passage) == part);
        obstacle(self.firewall, of_part, &|address| self.is_lost(address))
    }

    /// Reports whether answers to an address do not pass this host: the container looks for it on
    /// its own link.
    fn is_lost(&self, address: IpAddr) -> bool {
        let subnet = self.connection.subnet;
        let is_near = subnet.and_then(|subnet| contains(subnet, address)) == Some(true);
        is_near && !self.addresses.contains(&address)
    }

    fn step(&self, part: Part, obstacle: Option<Obstacle>, ok: &str) -> Step {
        let name = part.name();
        match (obstacle, self.firewall.unread.first()) {
            (Some(Obstacle { is_certain: true, message, remedy }), _) => {
                Step::failed(name, message, remedy)
            }
            (Some(Obstacle { message, remedy, .. }), _) => {
                Step::unknown(name, message).with_remedy(remedy)
            }
            (None, Some(why)) => Step::unknown(name, format!("not all rules could be read: {why}")),
            (None, None) => Step::ok(name, ok),
        }
    }
}

/// Returns the step for a container whose rules can't be read.
pub(super) fn unknown_container(why: String) -> Step {
    Step::unknown(Part::Container.name(), why)
}
