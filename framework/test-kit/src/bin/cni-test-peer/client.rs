//! The client: one request and its answer.

use std::io::{Error, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, ipproto, socket, sockopt};

use crate::options::{Options, parse};

/// Sends one request and returns the answer without its line end.
pub(crate) fn exchange(kind: &str, to: SocketAddr, options: &Options) -> Result<String, String> {
    let from = options.from.as_deref().map(|from| source(from, to)).transpose()?;
    let answer = match kind {
        "tcp" => over_tcp(to, from, options.timeout, "hello\n"),
        "http" => over_tcp(
            to,
            from,
            options.timeout,
            &format!("GET / HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\r\n"),
        ),
        "udp" => over_udp(to, from, options.timeout),
        _ => return Err(format!("`{kind}` is not one of tcp, udp, http")),
    };
    let answer = answer.map_err(|error| format!("{kind} {to}: {}", reason(&error)))?;
    let body = if kind == "http" { body(&answer)? } else { &answer };
    match body.trim_end() {
        "" => Err(format!("{kind} {to}: closed without an answer")),
        body => Ok(body.to_owned()),
    }
}

/// Reads a source, `PORT` or `ADDRESS:PORT`. The port may be 0.
fn source(from: &str, to: SocketAddr) -> Result<SocketAddr, String> {
    match from.parse::<u16>() {
        Ok(port) => Ok(SocketAddr::new(any(to), port)),
        Err(_) => parse(from, "port or address with port"),
    }
}

fn any(like: SocketAddr) -> IpAddr {
    if like.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

fn over_tcp(
    to: SocketAddr,
    from: Option<SocketAddr>,
    timeout: Duration,
    request: &str,
) -> Result<String, Error> {
    let mut stream = match from {
        Some(from) => connect_from(from, to, timeout)?,
        None => TcpStream::connect_timeout(&to, timeout)?,
    };
    stream.set_read_timeout(Some(timeout))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Connects from a given address and port, which the standard library can't do.
fn connect_from(from: SocketAddr, to: SocketAddr, timeout: Duration) -> Result<TcpStream, Error> {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket(family, SocketType::STREAM, Some(ipproto::TCP))?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    // On Linux the send timeout also limits connect.
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(timeout))?;
    bind(&socket, &from)?;
    connect(&socket, &to)?;
    Ok(socket.into())
}

fn over_udp(to: SocketAddr, from: Option<SocketAddr>, timeout: Duration) -> Result<String, Error> {
    let socket = UdpSocket::bind(from.unwrap_or_else(|| SocketAddr::new(any(to), 0)))?;
    socket.set_read_timeout(Some(timeout))?;
    // Only a connected socket is told that the port is closed.
    socket.connect(to)?;
    socket.send(b"hello\n")?;
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer)?;
    Ok(String::from_utf8_lossy(&buffer[..length]).into_owned())
}

fn reason(error: &Error) -> String {
    match error.kind() {
        // What connect and read return after their timeout.
        ErrorKind::TimedOut | ErrorKind::WouldBlock => "timed out".to_owned(),
        _ if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {
            "timed out".to_owned()
        }
        ErrorKind::ConnectionRefused => "refused".to_owned(),
        _ => error.to_string(),
    }
}

fn body(answer: &str) -> Result<&str, String> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("not an HTTP response")?;
    let status = head.lines().next().unwrap_or_default();
    if status.contains(" 200") { Ok(body) } else { Err(format!("HTTP status `{status}`")) }
}
