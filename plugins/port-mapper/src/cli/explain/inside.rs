//! What is seen from inside a container's network namespace.

use std::fs::File;
use std::io;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::thread;

use cni_netlink::route::{Route, Routes};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

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
    /// Reads it on a thread, which alone enters the namespace.
    pub(super) fn read(
        netns: &str,
        container: IpAddr,
        protocol: Protocol,
        client: IpAddr,
    ) -> io::Result<Self> {
        let file = File::open(netns)?;
        let look = || {
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
            let mut routes = Routes::open().map_err(io::Error::other)?;
            let back = routes.to(client).map_err(io::Error::other)?;
            Ok(Self {
                has_address: routes.is_local(container).map_err(io::Error::other)?,
                listeners: listeners(protocol, Family::of(&container)),
                back: back.filter(|route| route.delivers()),
            })
        };
        thread::scope(|scope| {
            let thread = thread::Builder::new().spawn_scoped(scope, look)?;
            thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
        })
    }
}
