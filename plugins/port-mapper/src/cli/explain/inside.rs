//! What is seen from inside a container's network namespace.

use std::io;
use std::net::IpAddr;

use cni_netlink::route::{Route, Routes};

use super::namespace::within;
use super::sockets::{Listener, listeners};
use crate::family::Family;
use crate::mappings::Protocol;

/// What a container's network namespace contains.
#[derive(Debug)]
pub(super) struct Inside {
    /// Whether the container has its address, on a link that is up.
    pub(super) has_address: bool,
    pub(super) listeners: io::Result<Vec<Listener>>,
    /// The route of the answers.
    pub(super) back: Option<Route>,
}

impl Inside {
    /// Reads it.
    pub(super) fn read(
        netns: &str,
        container: IpAddr,
        protocol: Protocol,
        client: IpAddr,
    ) -> io::Result<Self> {
        within(netns, || {
            let mut routes = Routes::open().map_err(io::Error::other)?;
            let back = routes.to(client).map_err(io::Error::other)?;
            Ok(Self {
                has_address: routes.is_local(container).map_err(io::Error::other)?,
                listeners: listeners(protocol, Family::of(&container)),
                back: back.filter(|route| route.delivers()),
            })
        })
    }
}
