//! Sockets that listen, as /proc shows those of a network namespace.

use std::fs;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use cni_netlink::sock_diag::Sockets;

use crate::family::Family;
use crate::host::other_users::number_of;
use crate::mappings::Protocol;

/// A socket that receives what is sent to a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    /// Whether it receives packets of the family that was asked for.
    pub(super) is_of_family: bool,
    inode: u64,
}

/// Returns the sockets of the calling thread's network namespace, with whether they can receive
/// packets of a family: for IPv4 also those of IPv6 at all addresses that receive both.
pub(super) fn listeners(protocol: Protocol, family: Family) -> io::Result<Vec<Listener>> {
    if protocol == Protocol::Sctp {
        let text = fs::read_to_string("/proc/thread-self/net/sctp/eps")?;
        let endpoints = text.lines().skip(1).filter_map(endpoint);
        // One at all addresses receives both families.
        let of_family = |one: Listener| match one.address.is_unspecified() {
            true => one,
            false => one.of_family(family),
        };
        return Ok(endpoints.map(of_family).collect());
    }
    let mut listeners = Vec::new();
    for suffix in ["", "6"] {
        let path = format!("/proc/thread-self/net/{protocol}{suffix}");
        let text = match fs::read_to_string(path) {
            // Without IPv6 it has no sockets.
            Err(error) if error.kind() == ErrorKind::NotFound && suffix == "6" => continue,
            text => text?,
        };
        let rows = text.lines().skip(1).filter_map(|line| socket(line, protocol));
        listeners.extend(rows.map(|one| match family {
            Family::V4 if one.address == IpAddr::V6(Ipv6Addr::UNSPECIFIED) => {
                Listener { is_of_family: receives_v4(protocol, one.port), ..one }
            }
            _ => one.of_family(family),
        }));
    }
    Ok(listeners)
}

/// Reports whether a socket receives IPv4 at a port: one of IPv6 may have the option IPV6_V6ONLY,
/// which /proc does not show.
fn receives_v4(protocol: Protocol, port: u16) -> bool {
    let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let found = Sockets::open().and_then(|mut all| all.receives(number_of(protocol), any));
    // Without an answer it is taken for one of the usual kind.
    found.unwrap_or(true)
}

/// Parses a line of /proc/net/tcp or udp, if the socket listens.
fn socket(line: &str, protocol: Protocol) -> Option<Listener> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (address, port) = words.next()?.split_once(':')?;
    let state = words.nth(1)?;
    // TCP_LISTEN, and TCP_CLOSE of a UDP socket without a peer.
    let listening = if protocol == Protocol::Tcp { "0A" } else { "07" };
    let inode = words.nth(5)?.parse().ok()?;
    let port = u16::from_str_radix(port, 16).ok()?;
    (state == listening).then_some(Listener::new(parse(address)?, port, inode))
}

/// Parses an address: words of 4 bytes in host byte order.
fn parse(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(hex.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    if hex.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let mut bytes = [0; 16];
    for (at, part) in bytes.chunks_mut(4).enumerate() {
        part.copy_from_slice(&word(at * 8)?);
    }
    let address = Ipv6Addr::from(bytes);
    Some(address.to_ipv4_mapped().map_or(address.into(), IpAddr::from))
}

/// Parses a line of /proc/net/sctp/eps: the port is the sixth field, the addresses are the last.
fn endpoint(line: &str) -> Option<Listener> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (port, inode) = (fields.get(5)?.parse().ok()?, fields.get(7)?.parse().ok()?);
    let address = fields.get(8).and_then(|address| address.parse().ok());
    Some(Listener::new(address.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), port, inode))
}

impl Listener {
    fn new(address: IpAddr, port: u16, inode: u64) -> Self {
        Self { address, port, is_of_family: true, inode }
    }

    fn of_family(self, family: Family) -> Self {
        Self { is_of_family: Family::of(&self.address) == family, ..self }
    }

    /// Reports whether it receives what is sent to an address, or to any if none is given.
    pub(super) fn receives(&self, address: Option<IpAddr>) -> bool {
        self.is_of_family && self.is_at(address)
    }

    fn is_at(&self, address: Option<IpAddr>) -> bool {
        self.address.is_unspecified() || address.is_none_or(|address| address == self.address)
    }

    /// Returns the name and the id of the process that has it: `nginx` and 123.
    pub(super) fn process(&self) -> Option<(String, u32)> {
        let socket = format!("socket:[{}]", self.inode);
        let has_it = |process: &u32| {
            let files = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
            files.filter_map(|file| fs::read_link(file.path()).ok()).any(|to| *to == *socket)
        };
        let names = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.file_name());
        let id = names.filter_map(|name| name.to_str()?.parse().ok()).find(has_it)?;
        let name = fs::read_to_string(format!("/proc/{id}/comm")).ok()?;
        Some((name.trim().to_owned(), id))
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::sockopt::set_ipv6_v6only;
    use rustix::net::{AddressFamily, SocketType, bind, socket as socket_of};

    use super::*;

    #[test]
    fn a_socket_of_ipv6_alone_receives_no_ipv4() {
        let listen = |is_alone: bool| {
            let socket = socket_of(AddressFamily::INET6, SocketType::STREAM, None).unwrap();
            set_ipv6_v6only(&socket, is_alone).unwrap();
            bind(&socket, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))).unwrap();
            rustix::net::listen(&socket, 1).unwrap();
            std::net::TcpListener::from(socket)
        };
        for (is_alone, family, expected) in [
            (true, Family::V4, false),
            (true, Family::V6, true),
            (false, Family::V4, true),
            (false, Family::V6, true),
        ] {
            let socket = listen(is_alone);
            let port = socket.local_addr().unwrap().port();
            let found = listeners(Protocol::Tcp, family).unwrap();
            let has_port = found.iter().any(|one| one.port == port && one.receives(None));
            assert_eq!(has_port, expected, "alone: {is_alone}, {family}");
        }
    }

    #[test]
    fn only_listening_sockets_are_read_with_their_address() {
        let line = |address: &str, state: &str| {
            format!(" 0: {address} 00000000:0000 {state} 0:0 00:0 0 1000 0 4242 1 0 100 0 0 10 0")
        };
        let loopback = u32::from_ne_bytes([127, 0, 0, 1]);
        let found = socket(&line(&format!("{loopback:08X}:1F90"), "0A"), Protocol::Tcp).unwrap();
        assert_eq!(found, Listener::new([127, 0, 0, 1].into(), 8080, 4242));
        assert_eq!(socket(&line("00000000:1F90", "01"), Protocol::Tcp), None);
        let any = format!("{}:0035", "0".repeat(32));
        assert!(socket(&line(&any, "07"), Protocol::Udp).unwrap().address.is_unspecified());
    }
}
