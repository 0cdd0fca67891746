//! The server.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Write, stdin, stdout};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::thread;

use crate::options::Options;

/// Serves until the process is terminated. Returns only errors.
pub(crate) fn serve(kind: &str, port: u16, options: &Options) -> Result<String, String> {
    let result = match kind {
        "udp" => bind(port, options.bind, UdpSocket::bind).and_then(|socket| {
            ready(options)?;
            datagrams(&socket, &options.name)
        }),
        "tcp" | "http" => bind(port, options.bind, TcpListener::bind).and_then(|listener| {
            ready(options)?;
            let (http, name) = (kind == "http", options.name.clone());
            connections(&listener, move |stream| answer(stream, http, &name))
        }),
        "echo" => bind(port, options.bind, TcpListener::bind).and_then(|listener| {
            ready(options)?;
            connections(&listener, echo)
        }),
        _ => return Err(format!("`{kind}` is not one of tcp, udp, http, echo")),
    };
    Err(result.map_or_else(|error| format!("{kind} port {port}: {error}"), |()| String::new()))
}

/// Binds to an address, or to all addresses of both families (of IPv4, if the kernel lacks IPv6).
fn bind<S>(
    port: u16,
    address: Option<IpAddr>,
    bind: impl Fn(SocketAddr) -> Result<S, Error>,
) -> Result<S, Error> {
    if let Some(address) = address {
        return bind(SocketAddr::new(address, port));
    }
    match bind(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port)) {
        Err(error) if error.kind() != ErrorKind::AddrInUse => {
            bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))
        }
        bound => bound,
    }
}

fn ready(options: &Options) -> Result<(), Error> {
    writeln!(stdout(), "ready")?;
    if options.until_eof {
        #[expect(clippy::disallowed_methods, reason = "the main thread blocks in accept")]
        thread::spawn(|| {
            // An input that can't be read counts as ended.
            let _ = stdin().read_to_end(&mut Vec::new());
            std::process::exit(0);
        });
    }
    Ok(())
}

fn datagrams(socket: &UdpSocket, name: &str) -> Result<(), Error> {
    let mut buffer = [0; 2048];
    loop {
        // An error reports that an earlier answer could not be delivered.
        if let Ok((_, client)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(line(name, client).as_bytes(), client);
        }
    }
}

fn connections(
    listener: &TcpListener,
    answer: impl Fn(TcpStream) -> Result<(), Error> + Clone + Send + 'static,
) -> Result<(), Error> {
    for stream in listener.incoming() {
        let (stream, answer) = (stream?, answer.clone());
        // A client may disconnect early.
        thread::spawn(move || drop(answer(stream)));
    }
    Ok(())
}

fn echo(mut stream: TcpStream) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    for line in BufReader::new(stream.try_clone()?).lines() {
        stream.write_all(format!("{}\n", line?).as_bytes())?;
    }
    Ok(())
}

fn answer(mut stream: TcpStream, http: bool, name: &str) -> Result<(), Error> {
    let body = line(name, stream.peer_addr()?);
    let mut request = BufReader::new(stream.try_clone()?).lines();
    // A request is one line, or in HTTP all lines up to an empty one.
    while request.next().transpose()?.is_some_and(|line| http && !line.is_empty()) {}
    if http {
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n"
        )?;
    }
    stream.write_all(body.as_bytes())
}

/// Returns the answer. An IPv4-mapped address is shown as IPv4.
fn line(name: &str, client: SocketAddr) -> String {
    format!("{name} saw {}\n", client.ip().to_canonical())
}
