//! Sockets of all processes: finds one that listens, without listing the others.

use std::net::{IpAddr, SocketAddr};

use crate::attribute::Body;
use crate::error::{Error, errno};
use crate::message::kind;
use crate::socket::{Socket, Subsystem};

const BY_FAMILY: u16 = 20;
const TCP: u8 = 6;

/// A handle to the sockets of this network namespace.
pub struct Sockets {
    socket: Socket,
}

impl Sockets {
    /// Opens a netlink socket for sockets. Lookups require no privilege.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(Subsystem::Sockets)? })
    }

    /// Reports whether a socket of TCP or UDP receives what is sent to this address: one that is
    /// bound to the address, or to all.
    ///
    /// One socket is looked up as for a received packet, however many exist. The kernel needs the
    /// module tcp_diag or udp_diag, which it loads itself.
    pub fn receives(&mut self, protocol: u8, address: SocketAddr) -> Result<bool, Error> {
        self.receives_by(protocol, address, 0)
    }

    /// Reports the same of what is received by the link with this index: a socket that is bound to
    /// another link receives none of it. By link 0, none that is bound to a link does.
    pub fn receives_by(
        &mut self,
        protocol: u8,
        address: SocketAddr,
        interface: u32,
    ) -> Result<bool, Error> {
        let mut found = false;
        let fill = |body: &mut Body<'_>| body.raw(&request(protocol, address, interface));
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

/// Returns an `inet_diag_req_v2`.
fn request(protocol: u8, address: SocketAddr, interface: u32) -> [u8; 56] {
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
