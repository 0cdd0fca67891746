//! Servers for traffic tests; the other end of `cni-test-peer`.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::place::Place;

/// How long helpers that must succeed may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a test sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// One line each way over TCP.
    Tcp,
    /// One datagram each way.
    Udp,
    /// An HTTP request.
    Http,
}

impl Traffic {
    /// `tcp`, `udp` or `http`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Http => "http",
        }
    }
}

impl fmt::Display for Traffic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A running server. Dropping it ends it; the port is free again when the drop returns.
#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl Server {
    pub(crate) fn start(place: &Place, traffic: Traffic, port: u16, bind: Option<&str>) -> Self {
        let mut command = place.command(crate::binary("cni-test-peer"));
        command.args(["serve", traffic.as_str(), &port.to_string(), "--until-eof"]);
        command.args(["--name", place.name()]);
        command.args(bind.iter().flat_map(|address| ["--bind", address]));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn();
        let mut child = child.unwrap_or_else(|error| panic!("can't run nsenter: {error}"));
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            // An unreadable line is no `ready`.
            let _ = BufReader::new(stdout).read_line(&mut line);
        }
        let name = place.name();
        assert_eq!(line, "ready\n", "{name}: no {traffic} server on port {port}; see stderr");
        Self { child }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        // It ends at the end of its input; an error means that it is gone already.
        let _ = self.child.wait();
    }
}
