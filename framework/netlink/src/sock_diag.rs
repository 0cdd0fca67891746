//! Sockets of all processes: finds those that listen, without listing the others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;

use crate::attribute::Body;
use crate::error::{Error, Malformed, errno};
use crate::message::{Message, kind};
use crate::socket::{Socket, Subsystem};

const BY_FAMILY: u16 = 20;
const IPV4: u8 = 2;
const IPV6: u8 = 10;
const TCP: u8 = 6;

/// A handle to the sockets of this network namespace.
pub struct Sockets {
    socket: Socket,
}

/// A socket that receives what any client sends to its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    /// The address to which it is bound: unspecified for all of its family.
    pub address: IpAddr,
    /// Its port.
    pub port: u16,
    /// Whether a socket of IPv6 at all addresses does not receive IPv4.
    pub only_ipv6: bool,
}

impl Listener {
    /// Reports whether it receives what is sent to an address. An unspecified one stands for any
    /// address of its family.
    pub fn receives(&self, address: IpAddr) -> bool {
        receives(self.address, self.only_ipv6, address)
    }
}

/// Reports whether a socket that is bound to one address receives what is sent to another, as
/// [`Listener::receives`] does.
pub fn receives(bound: IpAddr, only_ipv6: bool, address: IpAddr) -> bool {
    if bound.is_ipv6() && bound.is_unspecified() && address.is_ipv4() {
        return !only_ipv6;
    }
    let is_any = bound.is_unspecified() || address.is_unspecified();
    bound == address || (is_any && bound.is_ipv4() == address.is_ipv4())
}

impl Sockets {
    /// Opens a netlink socket for sockets. Lookups require no privilege.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(Subsystem::Sockets)? })
    }

    /// Lists the sockets of TCP or UDP that listen on these ports, of both families.
    ///
    /// The kernel passes only those, so what it costs does not depend on connections. It needs the
    /// module tcp_diag or udp_diag, which it loads itself.
    pub fn listeners(
        &mut self,
        protocol: u8,
        ports: RangeInclusive<u16>,
    ) -> Result<Vec<Listener>, Error> {
        let mut found = Vec::new();
        for family in [IPV4, IPV6] {
            let fill = |body: &mut Body<'_>| request(body, family, protocol, &ports);
            let listed = self.socket.list(BY_FAMILY, fill, read);
            found.extend(listed.map_err(|cause| cause.during("list", "the sockets that listen"))?);
        }
        Ok(found)
    }

    /// Reports whether a socket of TCP or UDP receives what the link with this index receives for
    /// an address. One that is bound to another link does not; for link 0, none that is bound to a
    /// link does.
    ///
    /// One socket is looked up as for a received packet, however many exist.
    pub fn receives_by(
        &mut self,
        protocol: u8,
        address: SocketAddr,
        interface: u32,
    ) -> Result<bool, Error> {
        let mut found = false;
        let fill = |body: &mut Body<'_>| body.raw(&lookup(protocol, address, interface));
        let asked = self.socket.request(BY_FAMILY, 0, fill, |message| {
            found |= message.kind != kind::NOOP;
            Ok(())
        });
        match asked {
            Ok(()) => Ok(found),
            Err(cause) if cause.errno() == Some(errno::ENOENT) => Ok(false),
            Err(cause) => Err(cause.during("look up", format!("the socket at {address}"))),
        }
    }
}

/// Returns an `inet_diag_req_v2` for one socket.
fn lookup(protocol: u8, address: SocketAddr, interface: u32) -> [u8; 56] {
    const LOCAL: usize = 12;
    const REMOTE: usize = 28;
    let mut request = [0; 56];
    request[0] = if address.is_ipv4() { 2 } else { 10 };
    request[1] = protocol;
    // Any state.
    request[4..8].fill(0xff);
    let mut write = |port: usize, at: usize| {
        request[port..port + 2].copy_from_slice(&address.port().to_be_bytes());
        match address.ip() {
            IpAddr::V4(ip) => request[at..at + 4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => request[at..at + 16].copy_from_slice(&ip.octets()),
        }
    };
    write(8, LOCAL);
    if protocol != TCP {
        // The two ends of a UDP socket were looked up in reverse order for a long time.
        write(10, REMOTE);
    }
    request[44..48].copy_from_slice(&interface.to_ne_bytes());
    // No cookie: any socket.
    request[48..].fill(0xff);
    request
}

/// Writes an `inet_diag_req_v2` with a filter for ports.
fn request(body: &mut Body<'_>, family: u8, protocol: u8, ports: &RangeInclusive<u16>) {
    const FILTER: u16 = 1;
    let mut request = [0; 56];
    request[0] = family;
    request[1] = protocol;
    // A socket of UDP without a peer is closed.
    let state: u32 = 1 << if protocol == TCP { 10 } else { 7 };
    request[4..8].copy_from_slice(&state.to_ne_bytes());
    body.raw(&request);
    body.bytes(FILTER, &filter(ports));
}

/// Returns a program of two comparisons, each with its argument. If one is false, it leads beyond
/// the end of the program, which refuses the socket.
fn filter(ports: &RangeInclusive<u16>) -> [u8; 16] {
    const AT_LEAST: u8 = 2;
    const AT_MOST: u8 = 3;
    const LENGTH: u8 = 8;
    let mut filter = [0; 16];
    for (at, code, port, beyond) in
        [(0, AT_LEAST, *ports.start(), 20_u16), (8, AT_MOST, *ports.end(), 12)]
    {
        filter[at] = code;
        filter[at + 1] = LENGTH;
        filter[at + 2..at + 4].copy_from_slice(&beyond.to_ne_bytes());
        filter[at + 6..at + 8].copy_from_slice(&port.to_ne_bytes());
    }
    filter
}

/// Reads an `inet_diag_msg`.
fn read(message: Message<'_>) -> Result<Option<Listener>, Malformed> {
    const ONLY_IPV6: u16 = 11;
    if message.kind != BY_FAMILY {
        return Ok(None);
    }
    let (head, mut attributes) = message.split::<72>()?;
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&head[8..24]);
    let address = match head[0] {
        IPV4 => Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into(),
        _ => Ipv6Addr::from(bytes).to_canonical(),
    };
    let port = u16::from_be_bytes([head[4], head[5]]);
    let only_ipv6 = attributes.find_map(|attribute| {
        let attribute = attribute.ok()?;
        (attribute.kind == ONLY_IPV6).then(|| attribute.u8().unwrap_or_default() != 0)
    });
    Ok(Some(Listener { address, port, only_ipv6: only_ipv6.unwrap_or(false) }))
}

#[cfg(test)]
mod tests {
    use super::receives;

    #[test]
    fn a_socket_receives_what_is_sent_to_its_address_and_at_all_addresses_to_any() {
        for (bound, only_ipv6, address, expected) in [
            ("0.0.0.0", false, "192.0.2.1", true),
            ("0.0.0.0", false, "::1", false),
            ("192.0.2.1", false, "192.0.2.1", true),
            ("192.0.2.1", false, "192.0.2.2", false),
            ("192.0.2.1", false, "0.0.0.0", true),
            ("192.0.2.1", false, "::", false),
            ("::", false, "192.0.2.1", true),
            ("::", true, "192.0.2.1", false),
            ("::", false, "0.0.0.0", true),
            ("::", true, "2001:db8::1", true),
            ("2001:db8::1", true, "::", true),
            ("2001:db8::1", false, "0.0.0.0", false),
            ("::1", false, "2001:db8::1", false),
        ] {
            let [from, to] = [bound, address].map(|it| it.parse().expect("an address"));
            assert_eq!(receives(from, only_ipv6, to), expected, "{bound} {only_ipv6} {address}");
        }
    }
}
