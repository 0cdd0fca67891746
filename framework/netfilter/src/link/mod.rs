//! Links: by name and index, hairpin mode of bridge ports, the host ends of a namespace's veths.

mod parse;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;

use crate::attribute::Body;
use crate::message::Message;
use crate::route::Routes;
use crate::socket::{Socket, Subsystem};
use crate::{Cause, Error, Malformed, errno};

const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const SET_LINK: u16 = 19;
const NEW_NAMESPACE_ID: u16 = 88;
const GET_NAMESPACE_ID: u16 = 90;

const NAMESPACE_ID: u16 = 1;
const NAMESPACE_FD: u16 = 3;

const ANY_FAMILY: u8 = 0;
const BRIDGE_FAMILY: u8 = 7;
/// Longest name of a link, in bytes.
const NAME_MAX: usize = 15;
/// Leaves the counters out of the answer.
const SKIP_STATISTICS: u32 = 1 << 3;

/// A link of this network namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub index: u32,
    /// Its name; bytes that are not UTF-8 are replaced.
    pub name: String,
    /// Index of the link that it is a port of, such as a bridge.
    pub master: Option<u32>,
    /// Of a port of a bridge: whether frames may leave by the port they came in by. Else `None`.
    pub hairpin: Option<bool>,
    /// Whether it is one end of a veth pair.
    pub is_veth: bool,
    /// The index of the link below it or, of a veth, of its peer, in the namespace that holds that.
    pub peer: Option<u32>,
    /// This namespace's id for the namespace that holds the peer; `None` when it is this one.
    pub peer_namespace: Option<i32>,
}

/// The links of this network namespace, asked when needed.
pub struct Links {
    socket: Socket,
}

impl Links {
    /// Opens a socket to the kernel's links. Reading needs no privilege.
    pub fn open() -> Result<Self, Error> {
        Ok(Self { socket: Socket::open(Subsystem::Route)? })
    }

    /// Asks by the socket that routes were asked by.
    pub fn after(routes: Routes) -> Self {
        Self { socket: routes.socket }
    }

    /// The link with this index.
    pub fn by_index(&mut self, index: u32) -> Result<Option<Link>, Error> {
        // The kernel takes 0 as "by name" and refuses what its signed number cannot hold.
        if index == 0 || i32::try_from(index).is_err() {
            return Ok(None);
        }
        self.get(index, None).map_err(|cause| cause.during("look up", format!("link {index}")))
    }

    /// The link with this name. A name that no link can have is no error.
    pub fn by_name(&mut self, name: &str) -> Result<Option<Link>, Error> {
        if name.is_empty() || name.len() > NAME_MAX || name.contains('\0') {
            return Ok(None);
        }
        self.get(0, Some(name)).map_err(|cause| cause.during("look up", format!("link {name}")))
    }

    /// Sets a link up. Needs CAP_NET_ADMIN.
    pub fn set_up(&mut self, index: u32) -> Result<(), Error> {
        const UP: u32 = 1;
        let fill = |body: &mut Body<'_>| {
            let mut header = header(ANY_FAMILY, index);
            header[8..12].copy_from_slice(&UP.to_ne_bytes());
            // Which flags to change.
            header[12..16].copy_from_slice(&UP.to_ne_bytes());
            body.raw(&header);
        };
        let set = self.socket.request(NEW_LINK, 0, fill, |_| Ok(()));
        set.map_err(|cause| cause.during("set up", format!("link {index}")))
    }

    /// Turns hairpin mode of a bridge port on or off. Needs CAP_NET_ADMIN.
    pub fn set_hairpin(&mut self, index: u32, on: bool) -> Result<(), Error> {
        const PORT: u16 = 12;
        const MODE: u16 = 4;
        let fill = |body: &mut Body<'_>| {
            body.raw(&header(BRIDGE_FAMILY, index));
            body.nested(PORT, |body| body.u8(MODE, u8::from(on)));
        };
        self.socket.request(SET_LINK, 0, fill, |_| Ok(())).map_err(|cause| {
            cause.during("change", format!("hairpin mode of link {index} (is it a bridge port?)"))
        })
    }

    /// The veths of this namespace whose other end is in the namespace at the path `netns`.
    ///
    /// Empty when there is none. The path may be anything that names a network namespace
    /// (`/run/netns/x`, `/proc/1/ns/net`); it is opened, never entered.
    pub fn veths_into(&mut self, netns: &Path) -> Result<Vec<Link>, Error> {
        let object = || format!("network namespace {}", netns.display());
        let file = File::open(netns).map_err(|error| Cause::Io(error).during("open", object()))?;
        let id = self.namespace_id(&file).map_err(|cause| cause.during("identify", object()))?;
        // The kernel numbers a namespace when the first veth leads there.
        let Some(id) = id else { return Ok(Vec::new()) };
        let fill = |body: &mut Body<'_>| write_get(body, 0, None);
        let links = self.socket.list(GET_LINK, fill, |message| {
            link_in(message, |link| link.is_veth && link.peer_namespace == Some(id))
        });
        links.map_err(|cause| cause.during("list", "the links"))
    }

    fn get(&mut self, index: u32, name: Option<&str>) -> Result<Option<Link>, Cause> {
        let mut link = None;
        let fill = |body: &mut Body<'_>| write_get(body, index, name);
        let asked = self.socket.request(GET_LINK, 0, fill, |message| {
            link = link_in(message, |_| true)?.or(link.take());
            Ok(())
        });
        match asked {
            Err(cause) if cause.errno() == Some(errno::ENODEV) => Ok(None),
            Err(cause) => Err(cause),
            Ok(()) => Ok(link),
        }
    }

    /// This namespace's id for the one behind `file`, if it has one.
    fn namespace_id(&mut self, file: &File) -> Result<Option<i32>, Cause> {
        let mut id = None;
        let fill = |body: &mut Body<'_>| {
            body.raw(&[ANY_FAMILY]);
            body.bytes(NAMESPACE_FD, &file.as_raw_fd().to_ne_bytes());
        };
        self.socket.request(GET_NAMESPACE_ID, 0, fill, |message| {
            id = namespace_id_in(message)?.or(id);
            Ok(())
        })?;
        Ok(id)
    }
}

fn write_get(body: &mut Body<'_>, index: u32, name: Option<&str>) {
    const EXTENSIONS: u16 = 29;
    body.raw(&header(ANY_FAMILY, index));
    if let Some(name) = name {
        body.text(parse::NAME, name);
    }
    body.u32(EXTENSIONS, SKIP_STATISTICS);
}

fn link_in(
    message: Message<'_>,
    wanted: impl FnOnce(&parse::Parts<'_>) -> bool,
) -> Result<Option<Link>, Malformed> {
    if message.kind != NEW_LINK {
        return Ok(None);
    }
    let parts = parse::Parts::read(message.payload)?;
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

/// Every link message begins with family, type, index, flags and mask of flags to change.
fn header(family: u8, index: u32) -> [u8; 16] {
    let mut header = [0; 16];
    header[0] = family;
    header[4..8].copy_from_slice(&index.to_ne_bytes());
    header
}

#[cfg(test)]
mod tests;
