//! The hooks that packets of a connection to a host port traverse, in both directions, and what the
//! packets look like there.

use std::net::IpAddr;

use cni_netlink::nftables::Hook;

use super::packet::{End, Flow, Interface, Known, Packet, Port, Stage};
use crate::claim::Cidr;
use crate::family::Family;
use crate::mappings::Protocol;

/// The priority of destination translation, which happens before routing.
pub(super) const DSTNAT: i32 = -100;
/// The priority of source translation, which happens after routing.
const SRCNAT: i32 = 100;
/// The priority of connection tracking, of which chains before it see nothing.
const CONNTRACK: i32 = -200;

/// A connection to a host port, as far as it is known.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Connection {
    pub(in crate::cli) family: Family,
    pub(in crate::cli) protocol: Protocol,
    pub(in crate::cli) client: Option<IpAddr>,
    /// Whether the client is this host itself.
    pub(in crate::cli) is_local: bool,
    /// The address and port of this host that the client connects to.
    pub(in crate::cli) asked: Option<IpAddr>,
    pub(in crate::cli) host_port: Option<u16>,
    pub(in crate::cli) container: Option<IpAddr>,
    pub(in crate::cli) container_port: Option<u16>,
    /// What the container reaches without this host.
    pub(in crate::cli) subnet: Option<Cidr>,
    /// By which the client's packets arrive.
    pub(in crate::cli) outside: Interface,
    /// By which answers to it leave; for this host itself, the loopback interface.
    pub(in crate::cli) back: Interface,
    /// That of the host to the container.
    pub(in crate::cli) inside: Interface,
    /// The container's own.
    pub(in crate::cli) ifname: Interface,
    /// Whether the client's address is rewritten to one of the host.
    pub(in crate::cli) is_rewritten: Known,
    /// That address.
    pub(in crate::cli) rewritten: Option<IpAddr>,
    /// Those of the interfaces above that are bridges.
    pub(in crate::cli) bridges: Vec<String>,
    /// Whether a bridge forwards translated packets between two of its ports by itself.
    pub(in crate::cli) is_bridged: bool,
}

/// Whose rules a packet traverses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Place {
    Host,
    Container,
}

/// The kind of chains at a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Layer {
    Ip,
    /// Those of a bridge, whose ports are not known.
    Bridge,
    /// Those of a device.
    Device,
}

/// A hook that a packet traverses.
#[derive(Clone, Debug)]
pub(in crate::cli) struct Passage {
    pub(in crate::cli) stage: Stage,
    pub(in crate::cli) place: Place,
    pub(in crate::cli) layer: Layer,
    pub(in crate::cli) hook: Hook,
    /// The packet before the addresses are translated at this hook, if they are.
    before: Packet,
    after: Packet,
}

impl Passage {
    /// Returns the packet that a chain of this priority sees.
    pub(super) fn packet(&self, priority: i32) -> Packet {
        let (is_early, translates) = match self.hook {
            Hook::Prerouting | Hook::Output => (priority < CONNTRACK, DSTNAT),
            Hook::Ingress => (true, DSTNAT),
            _ => (false, SRCNAT),
        };
        let packet = if priority <= translates { &self.before } else { &self.after };
        Packet { flow: packet.flow.filter(|_| !is_early), ..packet.clone() }
    }

    /// Returns the interface whose devices see the packet.
    pub(super) fn interface(&self) -> &Interface {
        match self.hook {
            Hook::Ingress => &self.before.input,
            _ => &self.before.output,
        }
    }
}

/// Returns the hooks on the host and in the container, in the order of the packets.
pub(in crate::cli) fn passages(connection: &Connection) -> Vec<Passage> {
    let mut way = Way { connection, stage: Stage::First, place: Place::Host, passages: Vec::new() };
    way.add_requests();
    way.stage = Stage::Answer;
    way.add_answers();
    way.stage = Stage::Following;
    way.add_requests();
    way.passages
}

/// The two ends of a packet.
type Ends = [End; 2];

struct Way<'a> {
    connection: &'a Connection,
    stage: Stage,
    place: Place,
    passages: Vec<Passage>,
}

impl Way<'_> {
    fn client(&self) -> End {
        let Connection { client, is_local, .. } = *self.connection;
        End { address: client, port: Port::Chosen, is_local: Some(is_local) }
    }

    /// Returns the client as the container sees it.
    fn rewritten(&self) -> End {
        match self.connection.is_rewritten {
            Some(false) => self.client(),
            Some(true) => {
                let address = self.connection.rewritten;
                End { address, port: Port::Chosen, is_local: Some(true) }
            }
            None => End { port: Port::Chosen, ..End::default() },
        }
    }

    fn asked(&self) -> End {
        let Connection { asked, host_port, .. } = *self.connection;
        End { address: asked, port: host_port.into(), is_local: Some(true) }
    }

    fn service(&self) -> End {
        let Connection { container, container_port, .. } = *self.connection;
        let is_local = Some(self.place == Place::Container);
        End { address: container, port: container_port.into(), is_local }
    }

    /// Adds the hooks of the client's packets.
    fn add_requests(&mut self) {
        let (client, rewritten) = (self.client(), self.rewritten());
        let (asked, service) = ([client, self.asked()], [client, self.service()]);
        let arrives = [rewritten, self.service()];
        let Connection { outside, back, inside, .. } = self.connection;
        let none = &Interface::none();
        if self.connection.is_local {
            self.ip(Hook::Output, [asked, service], [none, back]);
        } else {
            self.receive(asked, outside);
            self.ip(Hook::Prerouting, [asked, service], [outside, none]);
            self.ip(Hook::Forward, [service; 2], [outside, inside]);
        }
        if self.connection.is_bridged {
            self.add(Layer::Bridge, Hook::Forward, [service; 2], [&Interface(None); 2]);
        }
        self.ip(Hook::Postrouting, [service, arrives], [none, inside]);
        self.send(arrives, inside);
        self.place = Place::Container;
        let source = End { is_local: Some(false), ..rewritten };
        let (arrived, own) = ([source, self.service()], &self.connection.ifname);
        self.add(Layer::Device, Hook::Ingress, [arrived; 2], [own, none]);
        self.ip(Hook::Prerouting, [arrived; 2], [own, none]);
        self.ip(Hook::Input, [arrived; 2], [own, none]);
        self.place = Place::Host;
    }

    /// Adds the hooks of the answers.
    fn add_answers(&mut self) {
        let (client, rewritten) = (self.client(), self.rewritten());
        let none = &Interface::none();
        self.place = Place::Container;
        let destination = End { is_local: Some(false), ..rewritten };
        let (sent, own) = ([self.service(), destination], &self.connection.ifname);
        self.ip(Hook::Output, [sent; 2], [none, own]);
        self.ip(Hook::Postrouting, [sent; 2], [none, own]);
        self.add(Layer::Device, Hook::Egress, [sent; 2], [none, own]);
        self.place = Place::Host;
        let (received, routed) = ([self.service(), rewritten], [self.service(), client]);
        let returned = [self.asked(), client];
        let Connection { back, inside, .. } = self.connection;
        self.receive(received, inside);
        self.ip(Hook::Prerouting, [received, routed], [inside, none]);
        if self.connection.is_local {
            self.ip(Hook::Input, [routed, returned], [inside, none]);
            return;
        }
        self.ip(Hook::Forward, [routed; 2], [inside, back]);
        if self.connection.is_bridged {
            self.add(Layer::Bridge, Hook::Forward, [routed; 2], [&Interface(None); 2]);
        }
        self.ip(Hook::Postrouting, [routed, returned], [none, back]);
        self.send(returned, back);
    }

    /// Adds what receives packets below IP.
    fn receive(&mut self, ends: Ends, input: &Interface) {
        let none = &Interface::none();
        self.add(Layer::Device, Hook::Ingress, [ends; 2], [input, none]);
        if self.is_bridge(input) {
            for hook in [Hook::Prerouting, Hook::Input] {
                self.add(Layer::Bridge, hook, [ends; 2], [&Interface(None), none]);
            }
        }
    }

    /// Adds what sends packets below IP.
    fn send(&mut self, ends: Ends, output: &Interface) {
        let none = &Interface::none();
        if self.is_bridge(output) {
            for hook in [Hook::Output, Hook::Postrouting] {
                self.add(Layer::Bridge, hook, [ends; 2], [none, &Interface(None)]);
            }
        }
        self.add(Layer::Device, Hook::Egress, [ends; 2], [none, output]);
    }

    fn is_bridge(&self, interface: &Interface) -> bool {
        interface.0.as_ref().is_some_and(|name| self.connection.bridges.contains(name))
    }

    fn ip(&mut self, hook: Hook, ends: [Ends; 2], interfaces: [&Interface; 2]) {
        self.add(Layer::Ip, hook, ends, interfaces);
    }

    /// Adds a hook, with the ends before and after it.
    fn add(&mut self, layer: Layer, hook: Hook, ends: [Ends; 2], interfaces: [&Interface; 2]) {
        let (stage, place) = (self.stage, self.place);
        let is_first = stage == Stage::First;
        let is_received = layer == Layer::Bridge && matches!(hook, Hook::Prerouting | Hook::Input);
        let routes = matches!(hook, Hook::Prerouting | Hook::Output) && layer == Layer::Ip;
        let leaves = hook == Hook::Postrouting;
        let before =
            self.packet(ends[0], interfaces, !is_first || !(routes || is_received), !is_first);
        let after =
            self.packet(ends[1], interfaces, !is_first || !is_received, !is_first || leaves);
        self.passages.push(Passage { stage, place, layer, hook, before, after });
    }

    fn packet(
        &self,
        [source, destination]: Ends,
        [input, output]: [&Interface; 2],
        is_translated: bool,
        is_rewritten: bool,
    ) -> Packet {
        let Connection { family, protocol, ref outside, ref back, .. } = *self.connection;
        let original = match self.place {
            Place::Host => [self.client(), self.asked()],
            Place::Container => [self.rewritten(), self.service()],
        };
        let is_host = self.place == Place::Host;
        let flow = Flow {
            original,
            is_translated: is_host && is_translated,
            is_rewritten: match is_host && is_rewritten {
                true => self.connection.is_rewritten,
                false => Some(false),
            },
        };
        let is_straight = self.stage == Stage::Answer || (outside == back && outside.0.is_some());
        Packet {
            family,
            protocol,
            source,
            destination,
            input: input.clone(),
            output: output.clone(),
            flow: Some(flow),
            stage: self.stage,
            is_expected: is_straight.then_some(true),
        }
    }
}
