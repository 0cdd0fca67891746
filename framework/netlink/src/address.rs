//! Addresses of links.

use std::net::IpAddr;

use crate::attribute::Body;
use crate::error::{Error, Malformed};
use crate::message::{Message, flag};
use crate::socket::{Socket, Subsystem};

const NEW_ADDRESS: u16 = 20;
const GET_ADDRESS: u16 = 22;
const ADDRESS: u16 = 1;
const LOCAL: u16 = 2;

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

    /// Lists the addresses of all links.
    pub fn list(&mut self) -> Result<Vec<LinkAddress>, Error> {
        let fill = |body: &mut Body<'_>| body.raw(&[0; 8]);
        let listed = self.socket.list(GET_ADDRESS, fill, |message| {
            if message.kind == NEW_ADDRESS { read(message) } else { Ok(None) }
        });
        listed.map_err(|cause| cause.during("list", "the addresses"))
    }
}

/// An address of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkAddress {
    /// The index of the link.
    pub interface: u32,
    /// The address.
    pub address: IpAddr,
    /// The length of the prefix that is on the link.
    pub prefix_length: u8,
}

fn read(message: Message<'_>) -> Result<Option<LinkAddress>, Malformed> {
    let (header, attributes) = message.split::<8>()?;
    let [_, prefix_length, _, _, a, b, c, d] = *header;
    let (interface, mut address) = (u32::from_ne_bytes([a, b, c, d]), None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            // For a point-to-point link, the other attribute is the peer's.
            LOCAL => address = attribute.ip().or(address),
            ADDRESS => address = address.or(attribute.ip()),
            _ => {}
        }
    }
    Ok(address.map(|address| LinkAddress { interface, address, prefix_length }))
}

fn write(body: &mut Body<'_>, index: u32, address: IpAddr, prefix_length: u8) {
    const NO_DUPLICATE_DETECTION: u8 = 2;
    let (family, flags) = if address.is_ipv4() { (2, 0) } else { (10, NO_DUPLICATE_DETECTION) };
    body.raw(&[family, prefix_length, flags, 0]);
    body.raw(&index.to_ne_bytes());
    body.address(LOCAL, address);
    body.address(ADDRESS, address);
}
