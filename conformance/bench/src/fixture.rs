//! A disposable host with a container behind a bridge and a client outside.

use std::path::PathBuf;

use cni_test_kit::{Container, Host, Neighbour};

use super::client::{Client, Scheduling};
use super::programs::Programs;
use super::rows::{Attachment, IPTABLES, Row};
use crate::outcome::Outcome;

/// The address by which the client outside reaches the host.
pub(crate) const HOST: &str = "203.0.113.1";
/// The container's address.
pub(crate) const CONTAINER: &str = "10.200.0.2";

/// The host of a benchmark.
pub(crate) struct Fixture {
    /// Runs plugins on the host.
    pub(crate) client: Client,
    pub(crate) container: Container,
    pub(crate) outside: Neighbour,
    // Dropped last, because the other fields use it.
    pub(crate) host: Host,
}

impl Fixture {
    pub(crate) fn new(row: &Row, programs: &Programs, scheduling: Scheduling) -> Outcome<Self> {
        let host = Host::new();
        let container = host.container("c1");
        host.sh(&format!("{BRIDGE}{}", iptables(row.variant.name())));
        container.sh("ip link set eth0 up; ip address add 10.200.0.2/16 dev eth0; \
             ip route add default via 10.200.0.1");
        let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
        let client = Client::start(scheduling, &host, &programs.caller)?;
        Ok(Self { client, container, outside, host })
    }

    /// Returns the path by which this process reaches a path of the host.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.host.pid()))
    }
}

const BRIDGE: &str = "
    ip link add cni0 type bridge
    ip address add 10.200.0.1/16 dev cni0
    ip link add veth1 type veth peer name eth0 netns c1
    ip link set veth1 master cni0 up
    ip link set cni0 up
";

/// Returns a script that selects the variant of iptables, as Debian's alternatives do.
fn iptables(variant: &str) -> String {
    format!(
        "mkdir {IPTABLES}
         for family in iptables ip6tables; do
             for tail in '' -save -restore; do
                 ln -s $(command -v $family-{variant}$tail) {IPTABLES}/$family$tail
             done
         done"
    )
}

/// Returns the attachment of the measured ADD and DEL with this number, which makes its id unique.
pub(crate) fn measured_attachment(number: usize) -> Attachment {
    Attachment { id: format!("bench-m{number:07}"), address: CONTAINER.to_owned(), port: 8080 }
}

/// Returns the attachment of one of the concurrent calls.
pub(crate) fn concurrent_attachment(index: usize) -> Attachment {
    let port = u16::try_from(9000 + index).unwrap_or(u16::MAX);
    Attachment {
        id: format!("bench-p{index:07}"),
        address: format!("10.200.254.{}", 2 + index),
        port,
    }
}
