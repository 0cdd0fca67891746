//! Addresses of links.

use std::net::IpAddr;

use crate::attribute::Body;
use crate::error::Error;
use crate::message::flag;
use crate::socket::{Socket, Subsystem};

const NEW_ADDRESS: u16 = 20;

/// A handle to the addresses of this network namespace's links.
pub struct Addresses {
    socket: Socket,
}

impl Addresses {
    /// Opens a netlink socket for addresses.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(Subsystem::Route)? })
    }

    /// Adds an address to the link with this index.
    ///
    /// An IPv6 address is usable immediately, without duplicate address detection. Requires
    /// CAP_NET_ADMIN.
    pub fn add(&mut self, index: u32, address: IpAddr, prefix_length: u8) -> Result<(), Error> {
        let fill = |body: &mut Body<'_>| write(body, index, address, prefix_length);
        let flags = flag::CREATE | flag::EXCLUSIVE;
        let added = self.socket.request(NEW_ADDRESS, flags, fill, |_| Ok(()));
        added.map_err(|cause| {
            cause.during("add", format!("the address {address}/{prefix_length} to link {index}"))
        })
    }
}

fn write(body: &mut Body<'_>, index: u32, address: IpAddr, prefix_length: u8) {
    const ADDRESS: u16 = 1;
    const LOCAL: u16 = 2;
    const NO_DUPLICATE_DETECTION: u8 = 2;
    let (family, flags) = if address.is_ipv4() { (2, 0) } else { (10, NO_DUPLICATE_DETECTION) };
    body.raw(&[family, prefix_length, flags, 0]);
    body.raw(&index.to_ne_bytes());
    body.address(LOCAL, address);
    body.address(ADDRESS, address);
}
