//! Servers and clients for traffic tests, each a `cni-test-peer` process.

use std::fmt;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::sandbox::netns::Netns;

/// A kind of traffic that a test sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Traffic {
    /// One line each way over TCP.
    Tcp,
    /// One datagram each way.
    Udp,
    /// An HTTP request.
    Http,
    /// Lines that are echoed over one TCP connection. Only for servers; the client is an
    /// [`EchoSession`](crate::EchoSession).
    Echo,
}

impl Traffic {
    /// Returns `tcp`, `udp`, `http` or `echo`.
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
    /// Starts a server on `port`, on all addresses.
    ///
    /// It answers every request with `NAME saw ADDRESS`, where NAME is [`Netns::name`] and ADDRESS
    /// is the client's address as the server sees it.
    ///
    /// # Panics
    /// If the port can't be bound.
    pub fn serve(&self, traffic: Traffic, port: u16) -> Server {
        Server::start(self, traffic, port, None)
    }

    /// Starts a server on one address, otherwise like [`Netns::serve`].
    ///
    /// # Panics
    /// If the address can't be bound.
    pub fn serve_on(&self, traffic: Traffic, address: &str, port: u16) -> Server {
        Server::start(self, traffic, port, Some(address))
    }

    /// Fetches `http://ADDRESS:PORT/` (`[…]` around an IPv6 address) and returns the body.
    ///
    /// # Errors
    /// The reason why there was no answer.
    pub fn fetch(&self, url: &str) -> Result<String, String> {
        self.peer(&["fetch", url])
    }

    /// Sends one request to a server started by [`Netns::serve`] and returns its answer.
    ///
    /// It times out after two seconds; [`Netns::peer`] accepts `--timeout` and `--from`.
    ///
    /// # Errors
    /// The reason why there was no answer.
    pub fn exchange(&self, traffic: Traffic, address: &str, port: u16) -> Result<String, String> {
        self.peer(&["exchange", traffic.as_str(), address, &port.to_string()])
    }

    /// Connects to a [`Traffic::Echo`] server and keeps sending lines over the connection.
    ///
    /// # Panics
    /// If the first line is not echoed.
    pub fn echo_session(&self, address: &str, port: u16) -> EchoSession {
        EchoSession::start(self, address, port)
    }

    /// Listens on a TCP port of this namespace in this process, on all its IPv4 addresses.
    ///
    /// Unlike [`Netns::serve`], it needs no other program. Returns `None` if only processes can
    /// enter the namespace.
    ///
    /// # Errors
    /// If the port can't be bound.
    pub fn listen(&self, port: u16) -> Option<io::Result<TcpListener>> {
        self.within_network(|| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)))
    }

    /// Connects to an address from this namespace, in this process.
    ///
    /// Returns `None` if only processes can enter the namespace.
    ///
    /// # Errors
    /// If the connection is refused, or not accepted within `limit`.
    pub fn connect_to(
        &self,
        address: SocketAddr,
        limit: Duration,
    ) -> Option<io::Result<TcpStream>> {
        self.within_network(|| TcpStream::connect_timeout(&address, limit))
    }

    /// Runs `cni-test-peer` with these arguments and returns its stdout.
    ///
    /// # Errors
    /// Its stderr, if it failed.
    pub fn peer(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.output(crate::binary::binary("cni-test-peer"), arguments);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
    }
}

/// A running server. Dropping it stops the server; the port is free once the drop returns.
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
        // It exits at the end of its input; an error means that it has already exited.
        let _ = self.child.wait();
    }
}

/// Reads the line `ready`, and leaves the output after it for the caller to read at the end.
fn is_ready(child: &mut Child) -> bool {
    let Some(stdout) = &mut child.stdout else { return false };
    let mut line = [0; 6];
    // A line that can't be read is not `ready`.
    stdout.read_exact(&mut line).is_ok() && line == *b"ready\n"
}

/// A TCP connection over which lines are sent and echoed, up to 200 a second, until
/// [`EchoSession::finish`]. It shows whether established connections survive a change.
#[derive(Debug)]
pub struct EchoSession {
    child: Child,
}

impl EchoSession {
    fn start(netns: &Netns, address: &str, port: u16) -> Self {
        let mut command = netns.command(crate::binary::binary("cni-test-peer"));
        command.args(["echo", address, &port.to_string(), "--timeout", "20000"]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn();
        let mut child = child.unwrap_or_else(|error| panic!("can't run nsenter: {error}"));
        if !is_ready(&mut child) {
            panic!("{}: {}", netns.name(), reason(child));
        }
        Self { child }
    }

    /// Closes the connection and returns how many lines were echoed.
    ///
    /// # Errors
    /// After how many lines the connection failed, and why.
    pub fn finish(mut self) -> Result<u64, String> {
        drop(self.child.stdin.take());
        let output = self.child.wait_with_output().map_err(|error| error.to_string())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if !output.status.success() {
            return Err(text(&output.stderr));
        }
        text(&output.stdout).parse().map_err(|error| format!("not a number of lines: {error}"))
    }
}

fn reason(child: Child) -> String {
    match child.wait_with_output() {
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    }
}
