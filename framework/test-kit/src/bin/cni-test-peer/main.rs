//! Traffic for tests: a server that says who asked, and clients.

mod ask;
mod converse;
mod serve;

use std::io::{Write, stderr, stdout};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

const USAGE: &str = "\
cni-test-peer: traffic for tests

  cni-test-peer serve tcp|udp|http PORT [--bind ADDRESS] [--name NAME] [--until-eof]
      prints `ready` once bound; answers each request with `NAME saw ADDRESS`,
      with --until-eof until its input ends
  cni-test-peer serve echo PORT [--bind ADDRESS] [--until-eof]
      the same over TCP, but answers every line of a connection with that line
  cni-test-peer converse ADDRESS PORT [--timeout MS]
      sends line after line over one connection to an echo, until its input ends; prints `ready`
      after the first that came back, and how many did at the end
  cni-test-peer exchange tcp|udp|http ADDRESS PORT [--from [ADDRESS:]PORT] [--timeout MS]
  cni-test-peer fetch http://ADDRESS:PORT/ [--timeout MS]
      print the answer; exit status 1 and the reason on stderr when there is none
";

fn main() -> ExitCode {
    let arguments: Vec<String> =
        std::env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    match run(&arguments) {
        // Whoever closed the output does not want the answer.
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
    let (words, options) = split(arguments)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["serve", kind, port] => serve::serve(kind, number(port)?, &options),
        ["exchange", kind, address, port] => {
            let address: IpAddr = parse(address, "address")?;
            ask::exchange(kind, SocketAddr::new(address, number(port)?), &options)
        }
        ["converse", address, port] => {
            let address: IpAddr = parse(address, "address")?;
            converse::converse(SocketAddr::new(address, number(port)?), options.timeout)
        }
        ["fetch", url] => {
            let address = url.strip_prefix("http://").and_then(|rest| rest.split('/').next());
            let address = parse(address.unwrap_or_default(), "address in the URL")?;
            ask::exchange("http", address, &options)
        }
        _ => Err(USAGE.to_owned()),
    }
}

/// What stands behind the words.
struct Options {
    bind: Option<IpAddr>,
    name: String,
    until_eof: bool,
    from: Option<String>,
    timeout: Duration,
}

fn split(arguments: &[String]) -> Result<(Vec<String>, Options), String> {
    let mut words = Vec::new();
    let mut options = Options {
        bind: None,
        name: "peer".to_owned(),
        until_eof: false,
        from: None,
        timeout: Duration::from_secs(2),
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().ok_or_else(|| format!("{argument} wants a value\n{USAGE}"));
        match argument.as_str() {
            "--bind" => options.bind = Some(parse(value()?, "address")?),
            "--name" => options.name.clone_from(value()?),
            "--from" => options.from = Some(value()?.clone()),
            "--timeout" => {
                options.timeout = Duration::from_millis(parse(value()?, "number of milliseconds")?);
            }
            "--until-eof" => options.until_eof = true,
            option if option.starts_with("--") => {
                return Err(format!("no option {option}\n{USAGE}"));
            }
            word => words.push(word.to_owned()),
        }
    }
    Ok((words, options))
}

fn number(port: &str) -> Result<u16, String> {
    parse(port, "port")
}

fn parse<T: std::str::FromStr>(text: &str, what: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("`{text}` is no {what}"))
}
