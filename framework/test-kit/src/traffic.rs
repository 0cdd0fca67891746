//! Servers for traffic tests; the other end of `cni-test-peer`.

use std::fmt;
use std::io::Read;
use std::process::{Child, Stdio};

use crate::sandbox::netns::Netns;

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

impl Netns {
    /// Starts a server here on `port`, on all addresses. It answers every request with
    /// `NAME saw ADDRESS`, where NAME is [`Netns::name`] and ADDRESS the client as the server sees it.
    ///
    /// # Panics
    /// When the port can't be bound.
    pub fn serve(&self, traffic: Traffic, port: u16) -> Server {
        Server::start(self, traffic, port, None)
    }

    /// [`Netns::serve`] on one address only.
    ///
    /// # Panics
    /// When the address can't be bound.
    pub fn serve_on(&self, traffic: Traffic, address: &str, port: u16) -> Server {
        Server::start(self, traffic, port, Some(address))
    }

    /// Fetches `http://ADDRESS:PORT/` from here (`[…]` around an IPv6 address): the body, or why not.
    pub fn fetch(&self, url: &str) -> Result<String, String> {
        self.peer(&["fetch", url])
    }

    /// Sends one request to a server made by [`Netns::serve`]: its answer, or why there is none.
    /// Gives up after two seconds; [`Netns::peer`] takes `--timeout` and `--from`.
    pub fn exchange(&self, traffic: Traffic, address: &str, port: u16) -> Result<String, String> {
        self.peer(&["exchange", traffic.as_str(), address, &port.to_string()])
    }

    /// Opens a connection from here to an [`Traffic::Echo`] server and keeps it busy.
    ///
    /// # Panics
    /// When nothing comes back.
    pub fn echo_session(&self, address: &str, port: u16) -> EchoSession {
        EchoSession::start(self, address, port)
    }

    /// Runs `cni-test-peer` here with these arguments: what it printed, or its reason.
    pub fn peer(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.output(crate::binary::binary("cni-test-peer"), arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

/// A running server. Dropping it ends it; the port is free again when the drop returns.
#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl Server {
    fn start(netns: &Netns, traffic: Traffic, port: u16, bind: Option<&str>) -> Self {
        let mut command = netns.command(crate::binary::binary("cni-test-peer"));
        command.args(["serve", traffic.as_str(), &port.to_string(), "--until-eof"]);
        command.args(["--name", netns.name()]);
        command.args(bind.iter().flat_map(|address| ["--bind", address]));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let child = command.spawn();
        let mut child = child.unwrap_or_else(|error| panic!("can't run nsenter: {error}"));
        let name = netns.name();
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
    fn start(netns: &Netns, address: &str, port: u16) -> Self {
        let mut command = netns.command(crate::binary::binary("cni-test-peer"));
        command.args(["converse", address, &port.to_string(), "--timeout", "20000"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn();
        let mut child = child.unwrap_or_else(|error| panic!("can't run nsenter: {error}"));
        if !is_ready(&mut child) {
            panic!("{}: {}", netns.name(), reason(child));
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
