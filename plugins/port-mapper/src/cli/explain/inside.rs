//! What is seen from inside a container's network namespace.

use std::io;
use std::net::{IpAddr, SocketAddr};

use cni_netlink::address::Addresses;
use cni_netlink::link::{Link, Links};
use cni_netlink::route::{Route, Routes};
use cni_netlink::sock_diag::Sockets;

use super::namespace::within;
use super::sockets::{Listener, listeners};
use super::way::Target;
use crate::host::other_users::number_of;
use crate::mappings::Protocol;

/// What a container's network namespace contains.
#[derive(Debug)]
pub(super) struct Inside {
    /// Whether the container has its address, on a link that is up.
    pub(super) has_address: bool,
    /// The link with the address, which may be down.
    pub(super) link: Option<Link>,
    /// The hardware addresses of all its links: any of them may answer for its address.
    pub(super) macs: Vec<[u8; 6]>,
    pub(super) listeners: io::Result<Vec<Listener>>,
    /// Whether a socket receives what arrives at the port by that link, if the kernel was asked.
    pub(super) is_received: Option<bool>,
    /// The route of the answers.
    pub(super) back: Option<Route>,
}

impl Inside {
    /// Reads it.
    pub(super) fn read(target: &Target<'_>, client: IpAddr) -> io::Result<Self> {
        within(&target.netns, || {
            let mut routes = Routes::open().map_err(io::Error::other)?;
            let back = routes.to(client).map_err(io::Error::other)?;
            let link = link_with(target.container).map_err(io::Error::other)?;
            let is_local = routes.is_local(target.container).map_err(io::Error::other)?;
            Ok(Self {
                // That remains if the link is set down.
                has_address: is_local && link.as_ref().is_none_or(|link| link.is_up),
                macs: macs().map_err(io::Error::other)?,
                listeners: listeners(target.mapping.protocol, target.family),
                is_received: link.as_ref().and_then(|link| is_received(target, link)),
                link,
                back: back.filter(|route| route.delivers()),
            })
        })
    }
}

fn link_with(address: IpAddr) -> Result<Option<Link>, cni_netlink::Error> {
    let all = Addresses::open()?.list()?;
    let found = all.iter().find(|one| one.address == address);
    Ok(found.map(|one| Links::open()?.by_index(one.interface)).transpose()?.flatten())
}

fn macs() -> Result<Vec<[u8; 6]>, cni_netlink::Error> {
    Ok(Links::open()?.list()?.iter().filter_map(|link| link.mac).collect())
}

/// Asks the kernel for the socket of a packet that arrives by a link. What a port of another link
/// receives is looked up with both links, which can't be asked.
fn is_received(target: &Target<'_>, link: &Link) -> Option<bool> {
    let Target { mapping, container, container_port, .. } = *target;
    if link.master.is_some() || mapping.protocol == Protocol::Sctp {
        return None;
    }
    let to = SocketAddr::new(container, container_port);
    let mut sockets = Sockets::open().ok()?;
    sockets.receives_by(number_of(mapping.protocol), to, link.index).ok()
}
