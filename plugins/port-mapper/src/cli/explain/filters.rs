//! Whether the firewalls of the host and the container let the packets of a connection pass.

use std::net::IpAddr;

use cni_netlink::nftables::Hook;

use super::firewall::Firewall;
use super::hooks::{Connection, Layer, Passage, Place, passages};
use super::obstacle::{Obstacle, obstacle};
use super::packet::Stage;
use super::step::{Status, Step};

/// A part of a connection's way, which is one step.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// From the client until the host routes its packets.
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
            (_, Stage::Answer | Stage::Following, _) => Self::Answers,
            (_, _, Hook::Ingress | Hook::Prerouting) => Self::Before,
            (_, _, Hook::Input) if is_below => Self::Before,
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
    /// Decides whether a received packet reaches the routing. A packet whose destination is unknown
    /// is addressed to one of the addresses of the host.
    pub(super) fn before(&self) -> Step {
        let ok = "no rule drops the packets";
        let any = self.obstacle(self.connection, Part::Before);
        let asked = |address: &IpAddr| {
            let connection = Connection { asked: Some(*address), ..self.connection.clone() };
            self.obstacle(&connection, Part::Before)
        };
        let is_unknown = self.connection.asked.is_none() && !self.addresses.is_empty();
        if !is_unknown || any.as_ref().is_none_or(|any| any.is_certain) {
            return self.step(Part::Before, any, ok);
        }
        let found: Vec<Option<Obstacle>> = self.addresses.iter().map(asked).collect();
        let is_always = found.iter().flatten().filter(|one| one.is_certain).count() == found.len();
        let mut worst = found.into_iter().flatten().max_by_key(|one| one.is_certain);
        if let Some(obstacle) = worst.as_mut().filter(|one| one.is_certain && !is_always) {
            obstacle.is_certain = false;
            obstacle.message.push_str(", for some addresses of this host");
        }
        self.step(Part::Before, worst, ok)
    }

    /// Decides whether packets pass from there to the container.
    pub(super) fn host(&self) -> Step {
        let obstacle = self.obstacle(self.connection, Part::Host);
        self.step(Part::Host, obstacle, "lets packets to the container pass")
    }

    /// Decides whether answers of the container, and what the client sends then, pass this host.
    /// There is no such step if the remedy of an earlier one is that of this one, too.
    pub(super) fn answers(&self, earlier: &[Step]) -> Option<Step> {
        let obstacle = self.obstacle(self.connection, Part::Answers);
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
        let obstacle = self.obstacle(self.connection, Part::Container);
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
        let obstacle = obstacle(self.firewall, of_host, self.addresses);
        self.step(Part::Host, obstacle, "lets packets to containers and their answers pass")
    }

    fn obstacle(&self, connection: &Connection, part: Part) -> Option<Obstacle> {
        let passages = passages(connection);
        let of_part = passages.iter().filter(|passage| Part::of(passage) == part);
        obstacle(self.firewall, of_part, self.addresses)
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
