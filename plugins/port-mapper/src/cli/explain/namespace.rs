//! Looks into a container's network namespace.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use cni_wrapper::{Environment, block_on};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::firewall::Firewall;
use crate::backend::Backends;
use crate::family::Family;

/// Calls a function on a thread, which alone enters the namespace.
pub(super) fn within<T: Send>(
    netns: &str,
    look: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    let file = File::open(netns)?;
    let enter_and_look = || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))?;
        look()
    };
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, enter_and_look)?;
        thread.join().unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
    })
}

/// Reads the container's own firewall rules. The host's programs of iptables list its tables.
pub(super) fn firewall(
    netns: &str,
    family: Family,
    lock_timeout: Duration,
) -> io::Result<Firewall> {
    within(netns, || {
        let backends = Backends::new((&Environment::current()).into(), lock_timeout);
        block_on(Firewall::read(&backends, family, None)).map_err(io::Error::other)
    })
}
