//! Servers for traffic tests; the other end of `cni-test-peer`.

use std::fmt;
use std::io::Read;
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::place::Netns;

/// How long helpers that must succeed may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a test sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Traffic {
    /// One line each way over TCP.
    Tcp,
    /// One datagram each way.
    Udp,
    /// An HTTP request.
    Http,
    /// Lines over one TCP connection that come back, for as long as [`EchoSession`](crate::EchoSession) wants; to be served only.
    Echo,
}

impl Traffic {
    /// `tcp`, `udp`, `http` or `echo`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Http => "http",
            Self::Echo => "echo",
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
    pub(crate) fn start(place: &Netns, traffic: Traffic, port: u16, bind: Option<&str>) -> Self {
        let mut command = place.command(crate::binary("cni-test-peer"));
        command.args(["serve", traffic.as_str(), &port.to_string(), "--until-eof"]);
        command.args(["--name", place.name()]);
        command.args(bind.iter().flat_map(|address| ["--bind", address]));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn();
        let mut child = child.unwrap_or_else(|error| panic!("can't run nsenter: {error}"));
        let name = place.name();
        assert!(is_ready(&mut child), "{name}: no {traffic} server on port {port}; see stderr");
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

/// Reads no further than the line: what follows it is left for whoever waits for the end.
fn is_ready(child: &mut Child) -> bool {
    let Some(stdout) = &mut child.stdout else { return false };
    let mut line = [0; 6];
    // An unreadable line is no `ready`.
    stdout.read_exact(&mut line).is_ok() && line == *b"ready\n"
}

/// A TCP connection over which lines go there and back, hundreds in a second, until [`EchoSession::finish`]: does it live through what
/// happens meanwhile?
#[derive(Debug)]
pub struct EchoSession {
    child: Child,
}

impl EchoSession {
    pub(crate) fn start(place: &Netns, address: &str, port: u16) -> Self {
        let mut command = place.command(crate::binary("cni-test-peer"));
        command.args(["converse", address, &port.to_string(), "--timeout", "20000"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn();
        let mut child = child.unwrap_or_else(|error| panic!("can't run nsenter: {error}"));
        if !is_ready(&mut child) {
            panic!("{}: {}", place.name(), reason(child));
        }
        Self { child }
    }

    /// Ends it: how many lines came back, or where it broke.
    pub fn finish(mut self) -> Result<u64, String> {
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if !output.status.success() {
            return Err(text(&output.stderr));
        }
        text(&output.stdout).parse().map_err(|error| format!("no number of lines: {error}"))
    }
}

fn reason(child: Child) -> String {
    match child.wait_with_output() {
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    }
}
