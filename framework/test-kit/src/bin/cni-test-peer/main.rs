//! Traffic for tests: a server that reports its client's address, and clients.

mod client;
mod echo;
mod options;
mod server;

use std::io::{Write, stderr, stdout};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

use options::{number, parse, split};

const USAGE: &str = "\
cni-test-peer: traffic for tests

  cni-test-peer serve tcp|udp|http PORT [--bind ADDRESS] [--name NAME] [--until-eof]
      prints `ready` once bound and answers each request with `NAME saw ADDRESS`;
      with --until-eof it stops when its input ends
  cni-test-peer serve echo PORT [--bind ADDRESS] [--until-eof]
      the same over TCP, but echoes every line of a connection
  cni-test-peer echo ADDRESS PORT [--timeout MS]
      sends lines over one connection to an echo server until its input ends; prints `ready` after
      the first echo, and the number of echoes at the end
  cni-test-peer exchange tcp|udp|http ADDRESS PORT [--from [ADDRESS:]PORT] [--timeout MS]
  cni-test-peer fetch http://ADDRESS:PORT/ [--timeout MS]
      print the answer; without one, exit with status 1 and the reason on stderr
";

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    match run(&arguments) {
        // A caller that has closed the output does not need the answer.
        Ok(answer) => {
            let _ = writeln!(stdout(), "{answer}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            let _ = writeln!(stderr(), "{reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<String, String> {
    let (positional, options) = split(arguments)?;
    let positional: Vec<&str> = positional.iter().map(String::as_str).collect();
    match positional.as_slice() {
        ["serve", kind, port] => server::serve(kind, number(port)?, &options),
        ["exchange", kind, address, port] => {
            let address: IpAddr = parse(address, "address")?;
            client::exchange(kind, SocketAddr::new(address, number(port)?), &options)
        }
        ["echo", address, port] => {
            let address: IpAddr = parse(address, "address")?;
            echo::run(SocketAddr::new(address, number(port)?), options.timeout)
        }
        ["fetch", url] => {
            let address = url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
            let address = parse(address.unwrap_or_default(), "address in the URL")?;
            client::exchange("http", address, &options)
        }
        _ => Err(USAGE.to_owned()),
    }
}
