//! Routes: lookups of how this network namespace reaches an address, or routes a given packet, and
//! adding routes.

use std::net::IpAddr;

use crate::attribute::{Attribute, Body};
use crate::error::{Cause, Error, Malformed, errno};
use crate::message::{Message, flag};
use crate::socket::{Socket, Subsystem};

const GET_ROUTE: u16 = 26;
const NEW_ROUTE: u16 = 24;
const DESTINATION: u16 = 1;
const OUTPUT_INTERFACE: u16 = 4;
const GATEWAY: u16 = 5;
/// The gateway, if its family is not that of the destination: a family and an address.
const VIA: u16 = 18;
const IPV4: u8 = 2;
const IPV6: u8 = 10;

/// A packet whose route is looked up, as rules of policy routing select by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query {
    /// The destination.
    pub destination: IpAddr,
    /// The source; `None` if this namespace chooses one.
    pub source: Option<IpAddr>,
    /// The index of the link by which the packet is received; `None` if this namespace sends it.
    pub input: Option<u32>,
    /// The mark of the firewall; 0 for none.
    pub mark: u32,
    /// The number of the protocol; 0 if it is unknown.
    pub protocol: u8,
    /// The source port; 0 if it is unknown.
    pub source_port: u16,
    /// The destination port; 0 if it is unknown.
    pub destination_port: u16,
}

impl Query {
    /// Returns a packet that this namespace sends to `destination`, of which nothing else is known.
    pub fn to(destination: IpAddr) -> Self {
        Self {
            destination,
            source: None,
            input: None,
            mark: 0,
            protocol: 0,
            source_port: 0,
            destination_port: 0,
        }
    }

    fn write(&self, body: &mut Body<'_>) {
        const SOURCE: u16 = 2;
        const INPUT_INTERFACE: u16 = 3;
        const MARK: u16 = 16;
        const PROTOCOL: u16 = 27;
        const SOURCE_PORT: u16 = 28;
        const DESTINATION_PORT: u16 = 29;
        /// TCP and UDP: the kernel refuses a question with another protocol that has ports.
        const WITH_PORTS: [u8; 2] = [6, 17];
        let (family, bits) = if self.destination.is_ipv4() { (IPV4, 32) } else { (IPV6, 128) };
        let source_bits = if self.source.is_some() { bits } else { 0 };
        body.raw(&[family, bits, source_bits, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        body.address(DESTINATION, self.destination);
        if let Some(source) = self.source {
            body.address(SOURCE, source);
        }
        if let Some(input) = self.input {
            body.u32(INPUT_INTERFACE, input);
        }
        if self.mark != 0 {
            body.u32(MARK, self.mark);
        }
        if WITH_PORTS.contains(&self.protocol) {
            body.u8(PROTOCOL, self.protocol);
            for (kind, port) in
                [(SOURCE_PORT, self.source_port), (DESTINATION_PORT, self.destination_port)]
            {
                if port != 0 {
                    body.u16_be(kind, port);
                }
            }
        }
    }
}

/// A handle to the routes of this network namespace.
pub struct Routes {
    pub(crate) socket: Socket,
}

/// The result of a route lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The type of the destination.
    pub kind: RouteType,
    /// The index of the output link; for a local address that of the loopback link.
    pub interface: Option<u32>,
    /// The gateway; `None` if the destination is on the link.
    pub gateway: Option<IpAddr>,
}

impl Route {
    /// Reports whether packets to the destination go anywhere.
    pub fn delivers(&self) -> bool {
        self.kind.delivers()
    }

    /// Reports whether the destination is this namespace.
    pub fn is_local(&self) -> bool {
        self.kind == RouteType::Local
    }
}

/// The type of a route, as `RTN_*` of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteType {
    /// The destination is another machine or namespace.
    Unicast,
    /// The destination is this namespace.
    Local,
    /// The destination is every machine on a link.
    Broadcast,
    /// The destination is the nearest of several machines.
    Anycast,
    /// The destination is a multicast group.
    Multicast,
    /// Packets are dropped silently.
    Blackhole,
    /// Packets are refused: the destination is unreachable.
    Unreachable,
    /// Packets are refused: the destination is administratively prohibited.
    Prohibit,
    /// The lookup in this table ends as if there were no route.
    Throw,
}

impl Routes {
    /// Opens a netlink socket for routes. Lookups require no privilege.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(Subsystem::Route)? })
    }

    /// Returns the index of the output link for packets to `address`, or `None` without a route.
    ///
    /// For an address of this namespace that is the loopback link.
    pub fn output_interface(&mut self, address: IpAddr) -> Result<Option<u32>, Error> {
        let route = self.to(address)?.filter(Route::delivers);
        Ok(route.and_then(|route| route.interface))
    }

    /// Reports whether `address` belongs to this namespace, as `--dst-type LOCAL` of iptables does.
    pub fn is_local(&mut self, address: IpAddr) -> Result<bool, Error> {
        Ok(self.to(address)?.is_some_and(|route| route.kind == RouteType::Local))
    }

    /// Adds a route to `destination` via the link with this index, without a gateway. Requires
    /// CAP_NET_ADMIN.
    pub fn add(
        &mut self,
        destination: IpAddr,
        prefix_length: u8,
        interface: u32,
    ) -> Result<(), Error> {
        let fill = |body: &mut Body<'_>| write_new(body, destination, prefix_length, interface);
        let flags = flag::CREATE | flag::EXCLUSIVE;
        let added = self.socket.request(NEW_ROUTE, flags, fill, |_| Ok(()));
        added.map_err(|cause| {
            cause.during("add", format!("the route to {destination}/{prefix_length}"))
        })
    }

    /// Looks up the route of a packet that this namespace would send to `address`.
    pub fn to(&mut self, address: IpAddr) -> Result<Option<Route>, Error> {
        self.lookup(&Query::to(address))
    }

    /// Looks up the route of a packet. `None` means that the kernel would drop or refuse it: there
    /// is no route; and for a received one also if its input link does not forward, or if rp_filter
    /// takes its source for forged.
    pub fn lookup(&mut self, query: &Query) -> Result<Option<Route>, Error> {
        match self.socket.ask_one(GET_ROUTE, |body| query.write(body), parse) {
            Ok(route) => Ok(route),
            Err(cause) if is_no_route(&cause) => Ok(None),
            Err(cause) => {
                Err(cause.during("look up", format!("the route to {}", query.destination)))
            }
        }
    }

    /// Lists the marks that rules of policy routing select packets by, for the family of `address`.
    pub fn marks(&mut self, address: IpAddr) -> Result<Vec<u32>, Error> {
        const GET_RULE: u16 = 34;
        let family = if address.is_ipv4() { IPV4 } else { IPV6 };
        let fill = |body: &mut Body<'_>| body.raw(&[family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let listed = self.socket.list(GET_RULE, fill, mark_of);
        listed.map_err(|cause| cause.during("list", "the rules of policy routing"))
    }
}

/// Returns the mark of a rule of policy routing, if it selects by one.
fn mark_of(message: Message<'_>) -> Result<Option<u32>, Malformed> {
    const NEW_RULE: u16 = 32;
    const MARK: u16 = 10;
    if message.kind != NEW_RULE {
        return Ok(None);
    }
    let (_, attributes) = message.split::<12>()?;
    for attribute in attributes {
        let attribute = attribute?;
        if attribute.kind == MARK {
            return attribute.u32().map(Some);
        }
    }
    Ok(None)
}

fn write_new(body: &mut Body<'_>, destination: IpAddr, prefix_length: u8, interface: u32) {
    const MAIN_TABLE: u8 = 254;
    /// The protocol that `ip route add` sets.
    const BOOT: u8 = 3;
    const LINK_SCOPE: u8 = 253;
    const UNICAST: u8 = 1;
    // IPv6 routes have no scope.
    let (family, scope) = if destination.is_ipv4() { (IPV4, LINK_SCOPE) } else { (IPV6, 0) };
    body.raw(&[family, prefix_length, 0, 0, MAIN_TABLE, BOOT, scope, UNICAST, 0, 0, 0, 0]);
    body.address(DESTINATION, destination);
    body.u32(OUTPUT_INTERFACE, interface);
}

fn parse(message: Message<'_>) -> Result<Option<Route>, Malformed> {
    if message.kind != NEW_ROUTE {
        return Ok(None);
    }
    let (header, attributes) = message.split::<12>()?;
    let mut route = Route { kind: RouteType::of(header[7]), interface: None, gateway: None };
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            OUTPUT_INTERFACE => route.interface = Some(attribute.u32()?),
            GATEWAY => route.gateway = attribute.ip(),
            VIA => {
                let address = attribute.payload.get(2..).unwrap_or_default();
                route.gateway = Attribute { payload: address, ..attribute }.ip();
            }
            _ => {}
        }
    }
    Ok(Some(route))
}

impl RouteType {
    fn of(number: u8) -> Self {
        match number {
            2 => Self::Local,
            3 => Self::Broadcast,
            4 => Self::Anycast,
            5 => Self::Multicast,
            6 => Self::Blackhole,
            7 => Self::Unreachable,
            8 => Self::Prohibit,
            9 => Self::Throw,
            _ => Self::Unicast,
        }
    }

    fn delivers(self) -> bool {
        !matches!(self, Self::Blackhole | Self::Unreachable | Self::Prohibit | Self::Throw)
    }
}

/// Reports whether a lookup failed because there is no route. The kernel returns the error that a
/// packet would cause: no route, unreachable, prohibited or, for a blackhole, EINVAL. For one that
/// rp_filter drops it is EXDEV, and EINVAL since Linux 6.13.
fn is_no_route(cause: &Cause) -> bool {
    matches!(
        cause.errno(),
        Some(
            errno::ENETUNREACH | errno::EHOSTUNREACH | errno::EACCES | errno::EINVAL | errno::EXDEV
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Refusal;

    #[test]
    fn the_errors_of_unreachable_routes_mean_no_route_and_others_are_errors() {
        let refused = |errno| Cause::Refused(Refusal::new(errno));
        for errno in [errno::ENETUNREACH, errno::EHOSTUNREACH, errno::EACCES, errno::EINVAL] {
            assert!(is_no_route(&refused(errno)), "{errno}");
        }
        assert!(!is_no_route(&refused(errno::EPERM)));
    }

    #[test]
    fn a_route_is_read_with_its_type_and_link() {
        let mut payload = vec![IPV4, 32, 0, 0, 254, 0, 0, 2, 0, 0, 0, 0];
        payload.extend(8_u16.to_ne_bytes().iter().chain(&OUTPUT_INTERFACE.to_ne_bytes()));
        payload.extend(7_u32.to_ne_bytes());
        payload.extend(8_u16.to_ne_bytes().iter().chain(&GATEWAY.to_ne_bytes()));
        payload.extend([10, 0, 0, 1]);
        let message = Message { kind: NEW_ROUTE, flags: 0, sequence: 1, payload: &payload };
        let gateway = Some([10, 0, 0, 1].into());
        let expected = Route { kind: RouteType::Local, interface: Some(7), gateway };
        assert_eq!(parse(message), Ok(Some(expected)));
        for end in 0..payload.len() {
            let cut = Message { payload: &payload[..end], ..message };
            assert_ne!(parse(cut), parse(message), "cut at {end}");
        }
    }
}
