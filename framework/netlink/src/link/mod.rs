//! Links: lookups, adding veth pairs, deleting and setting up links, hairpin mode of bridge ports,
//! and the host ends of a namespace's veths.

mod decode;
mod other_namespace;

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::path::Path;

pub use decode::Link;
use rustix::io::Errno;
use rustix::net::netdevice::index_to_name;

use crate::attribute::Body;
use crate::error::{Cause, Error, Malformed, errno};
use crate::message::{Message, flag};
use crate::route::Routes;
use crate::socket::{Socket, Subsystem};

const NEW_LINK: u16 = 16;
const DELETE_LINK: u16 = 17;
const GET_LINK: u16 = 18;
const SET_LINK: u16 = 19;
const NEW_NAMESPACE_ID: u16 = 88;
const GET_NAMESPACE_ID: u16 = 90;

const NAMESPACE_ID: u16 = 1;
const NAMESPACE_FD: u16 = 3;

const ANY_FAMILY: u8 = 0;
const BRIDGE_FAMILY: u8 = 7;
/// The maximum length of a link's name in bytes.
const NAME_MAX: usize = 15;
/// Omits the counters from the reply.
const SKIP_STATISTICS: u32 = 1 << 3;

/// One end of a new veth pair.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct VethEnd<'n> {
    /// The name.
    pub name: &'n str,
    /// The hardware address.
    pub mac: [u8; 6],
}

impl<'n> VethEnd<'n> {
    /// Returns an end with this name and hardware address.
    pub fn new(name: &'n str, mac: [u8; 6]) -> Self {
        Self { name, mac }
    }

    fn write(&self, body: &mut Body<'_>) {
        const ADDRESS: u16 = 1;
        body.raw(&header(ANY_FAMILY, 0));
        body.text(decode::NAME, self.name);
        body.bytes(ADDRESS, &self.mac);
    }
}

/// A handle to the links of this network namespace.
pub struct Links {
    socket: Socket,
}

impl Links {
    /// Opens a netlink socket for links. Reading requires no privilege.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(Subsystem::Route)? })
    }

    /// Reuses the socket of a handle to routes.
    pub fn with_socket_of(routes: Routes) -> Self {
        Self { socket: routes.socket }
    }

    /// Looks up the link with this index.
    pub fn by_index(&mut self, index: u32) -> Result<Option<Link>, Error> {
        // The kernel interprets 0 as "by name" and refuses indexes beyond its signed range.
        if index == 0 || i32::try_from(index).is_err() {
            return Ok(None);
        }
        self.get(index, None).map_err(|cause| cause.during("look up", format!("link {index}")))
    }

    /// Looks up the link with this name. Returns `None` for an invalid name.
    pub fn by_name(&mut self, name: &str) -> Result<Option<Link>, Error> {
        if name.is_empty() || name.len() > NAME_MAX || name.contains('\0') {
            return Ok(None);
        }
        self.get(0, Some(name)).map_err(|cause| cause.during("look up", format!("link {name}")))
    }

    /// Returns the name of the link with this index, if it exists.
    ///
    /// This is much cheaper than [`by_index`](Self::by_index), for which the kernel describes the
    /// whole link.
    pub fn name(&mut self, index: u32) -> Result<Option<String>, Error> {
        match index_to_name(&self.socket, index) {
            Ok(name) => Ok(Some(name)),
            Err(Errno::NODEV) => Ok(None),
            // Among others, a name that is not UTF-8.
            Err(_) => Ok(self.by_index(index)?.map(|link| link.name)),
        }
    }

    /// Lists all links of this network namespace.
    pub fn list(&mut self) -> Result<Vec<Link>, Error> {
        let fill = |body: &mut Body<'_>| write_get(body, 0, None);
        let links = self.socket.list(GET_LINK, fill, |message| link_in(message, |_| true));
        links.map_err(|cause| cause.during("list", "the links"))
    }

    /// Adds a veth pair: `end` in this network namespace and `peer` in `netns`.
    ///
    /// Both are down. Requires CAP_NET_ADMIN in both namespaces.
    pub fn add_veth(
        &mut self,
        end: &VethEnd<'_>,
        peer: &VethEnd<'_>,
        netns: impl AsFd,
    ) -> Result<(), Error> {
        const LINK_INFO: u16 = 18;
        const KIND: u16 = 1;
        const DATA: u16 = 2;
        const PEER: u16 = 1;
        const NETWORK_NAMESPACE_FD: u16 = 28;
        let netns = netns.as_fd().as_raw_fd();
        let fill = |body: &mut Body<'_>| {
            end.write(body);
            body.nested(LINK_INFO, |body| {
                body.text(KIND, "veth");
                body.nested(DATA, |body| {
                    body.nested(PEER, |body| {
                        peer.write(body);
                        body.bytes(NETWORK_NAMESPACE_FD, &netns.to_ne_bytes());
                    });
                });
            });
        };
        let added = self.socket.request(NEW_LINK, flag::CREATE | flag::EXCLUSIVE, fill, |_| Ok(()));
        added.map_err(|cause| cause.during("add", format!("the veth pair {}", end.name)))
    }

    /// Deletes a link, and with a veth its peer. Returns `false` if the link does not exist.
    ///
    /// Requires CAP_NET_ADMIN.
    pub fn delete(&mut self, index: u32) -> Result<bool, Error> {
        let fill = |body: &mut Body<'_>| body.raw(&header(ANY_FAMILY, index));
        match self.socket.request(DELETE_LINK, 0, fill, |_| Ok(())) {
            Ok(()) => Ok(true),
            Err(cause) if cause.errno() == Some(errno::ENODEV) => Ok(false),
            Err(cause) => Err(cause.during("delete", format!("link {index}"))),
        }
    }

    /// Deletes several links, and with veths their peers, in one operation.
    ///
    /// That is faster, since the kernel waits for an RCU grace period after each delete. All links
    /// in the link group `group` are deleted as well, so choose a group that nothing else uses.
    /// Requires CAP_NET_ADMIN.
    pub fn delete_all(&mut self, indexes: &[u32], group: u32) -> Result<(), Error> {
        const GROUP: u16 = 27;
        for index in indexes {
            let fill = |body: &mut Body<'_>| {
                body.raw(&header(ANY_FAMILY, *index));
                body.u32(GROUP, group);
            };
            let set = self.socket.request(SET_LINK, 0, fill, |_| Ok(()));
            set.map_err(|cause| cause.during("change", format!("the group of link {index}")))?;
        }
        let fill = |body: &mut Body<'_>| {
            body.raw(&header(ANY_FAMILY, 0));
            body.u32(GROUP, group);
        };
        match self.socket.request(DELETE_LINK, 0, fill, |_| Ok(())) {
            Err(cause) if cause.errno() != Some(errno::ENODEV) => {
                Err(cause.during("delete", format!("the links of group {group}")))
            }
            _ => Ok(()),
        }
    }

    /// Sets a link up. Requires CAP_NET_ADMIN.
    pub fn set_up(&mut self, index: u32) -> Result<(), Error> {
        const UP: u32 = 1;
        let fill = |body: &mut Body<'_>| {
            let mut header = header(ANY_FAMILY, index);
            header[8..12].copy_from_slice(&UP.to_ne_bytes());
            // The mask of flags to change.
            header[12..16].copy_from_slice(&UP.to_ne_bytes());
            body.raw(&header);
        };
        let set = self.socket.request(NEW_LINK, 0, fill, |_| Ok(()));
        set.map_err(|cause| cause.during("set up", format!("link {index}")))
    }

    /// Sets the hardware address. Requires CAP_NET_ADMIN.
    ///
    /// To set the address that the link has makes the kernel announce its IP addresses again, if
    /// the sysctls `net.ipv4.conf.NAME.arp_notify` and `net.ipv6.conf.NAME.ndisc_notify` are 1: by
    /// gratuitous ARP and by unsolicited neighbour advertisements.
    pub fn set_mac(&mut self, index: u32, mac: [u8; 6]) -> Result<(), Error> {
        let fill = |body: &mut Body<'_>| {
            body.raw(&header(ANY_FAMILY, index));
            body.bytes(decode::HARDWARE_ADDRESS, &mac);
        };
        let set = self.socket.request(NEW_LINK, 0, fill, |_| Ok(()));
        set.map_err(|cause| cause.during("set", format!("the hardware address of link {index}")))
    }

    /// Sets hairpin mode of a bridge port. Requires CAP_NET_ADMIN.
    pub fn set_hairpin(&mut self, index: u32, on: bool) -> Result<(), Error> {
        const PORT: u16 = 12;
        const MODE: u16 = 4;
        let fill = |body: &mut Body<'_>| {
            body.raw(&header(BRIDGE_FAMILY, index));
            body.nested(PORT, |body| body.u8(MODE, u8::from(on)));
        };
        self.socket.request(SET_LINK, 0, fill, |_| Ok(())).map_err(|cause| {
            let object = format!("hairpin mode of link {index} (it is probably not a bridge port)");
            cause.during("change", object)
        })
    }

    /// Lists the veths of this namespace whose peer is in the namespace at the path `netns`.
    ///
    /// The path may be any reference to a network namespace (`/run/netns/x`, `/proc/1/ns/net`). It
    /// is opened but not entered.
    pub fn veths_into(&mut self, netns: &Path) -> Result<Vec<Link>, Error> {
        let object = || format!("network namespace {}", netns.display());
        let file = File::open(netns).map_err(|error| Cause::Io(error).during("open", object()))?;
        let id = self.namespace_id(&file).map_err(|cause| cause.during("identify", object()))?;
        // The kernel assigns an id to a namespace when the first veth has its peer there.
        let Some(id) = id else { return Ok(Vec::new()) };
        let fill = |body: &mut Body<'_>| write_get(body, 0, None);
        let links = self.socket.list(GET_LINK, fill, |message| {
            link_in(message, |link| link.is_veth && link.peer_namespace == Some(id))
        });
        links.map_err(|cause| cause.during("list", "the links"))
    }

    fn get(&mut self, index: u32, name: Option<&str>) -> Result<Option<Link>, Cause> {
        let fill = |body: &mut Body<'_>| write_get(body, index, name);
        match self.socket.ask_one(GET_LINK, fill, |message| link_in(message, |_| true)) {
            Err(cause) if cause.errno() == Some(errno::ENODEV) => Ok(None),
            asked => asked,
        }
    }

    /// Returns this namespace's id of the namespace that `file` refers to, if it has one.
    fn namespace_id(&mut self, file: impl AsFd) -> Result<Option<i32>, Cause> {
        let fill = |body: &mut Body<'_>| write_namespace(body, file.as_fd());
        self.socket.ask_one(GET_NAMESPACE_ID, fill, namespace_id_in)
    }
}

fn write_namespace(body: &mut Body<'_>, file: BorrowedFd<'_>) {
    body.raw(&[ANY_FAMILY]);
    body.bytes(NAMESPACE_FD, &file.as_raw_fd().to_ne_bytes());
}

fn write_get(body: &mut Body<'_>, index: u32, name: Option<&str>) {
    const EXTENSIONS: u16 = 29;
    body.raw(&header(ANY_FAMILY, index));
    if let Some(name) = name {
        body.text(decode::NAME, name);
    }
    body.u32(EXTENSIONS, SKIP_STATISTICS);
}

fn link_in(
    message: Message<'_>,
    wanted: impl FnOnce(&decode::Parts<'_>) -> bool,
) -> Result<Option<Link>, Malformed> {
    if message.kind != NEW_LINK {
        return Ok(None);
    }
    let parts = decode::Parts::read(message.payload)?;
    Ok(wanted(&parts).then(|| parts.to_link()))
}

fn namespace_id_in(message: Message<'_>) -> Result<Option<i32>, Malformed> {
    if message.kind != NEW_NAMESPACE_ID {
        return Ok(None);
    }
    let (_, attributes) = message.split::<1>()?;
    for attribute in attributes {
        let attribute = attribute?;
        if attribute.kind == NAMESPACE_ID {
            return attribute.i32().map(|id| (id >= 0).then_some(id));
        }
    }
    Ok(None)
}

/// Returns the header of a link message: family, type, index, flags and the mask of flags to
/// change.
fn header(family: u8, index: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[0] = family;
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header
}

#[cfg(test)]
mod tests;
