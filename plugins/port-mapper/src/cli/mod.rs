//! The commands for people: `list`, `restore`, `gc`, `doctor`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "commands for people")]

mod doctor;
mod gc;
mod list;
mod restore;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use cni_wrapper::{About, block_on};
use lexopt::{Arg, Parser, ValueExt};
use serde_json::Value;

use crate::config::{BackendKind, DEFAULT_STATE_DIR};

/// How long a command waits for the lock: no runtime waits for it, and a container that is passed over stays without its ports.
const PATIENCE: Duration = Duration::from_secs(60);

const HELP: &str = "\
Usage: mesos-cni-port-mapper COMMAND [--json] [--state-dir DIR] [--backend NAME]

  list      who owns which host port
  restore   put the rules of all live containers back, after a firewall reload
  gc        remove what belongs to containers whose network namespace is gone
  doctor    is this host fit for mapping ports?

  --json            for programs
  --state-dir DIR   where the state files are (default /run/mesos-cni-port-mapper)
  --backend NAME    what doctor looks at: iptables, iptables-nft, iptables-legacy, nftables
                    (default: iptables where it is installed, else nftables)
  --help, --version

As a CNI plugin it is called by a container runtime, with CNI_COMMAND set.
";

/// What was typed.
struct Options {
    command: String,
    json: bool,
    state_dir: PathBuf,
    backend: Option<BackendKind>,
    patience: Duration,
}

/// What a command has to say, and whether all is well.
struct Report {
    /// For people.
    text: String,
    /// For programs.
    json: Value,
    /// Exit status 0 or 1.
    well: bool,
}

/// Runs the command on this process's command line.
pub fn run(about: About) -> ExitCode {
    match parse(Parser::from_env()) {
        Ok(Typed::Help) => say(HELP, true),
        Ok(Typed::Version) => say(&format!("{} {}\n", about.name, about.version), true),
        Ok(Typed::Command(options)) => match block_on(report(&options)) {
            Ok(Ok(report)) if options.json => say(&format!("{}\n", report.json), report.well),
            Ok(Ok(report)) => say(&report.text, report.well),
            Ok(Err(error)) => complain(&error.to_string()),
            Err(panicked) => complain(&panicked.to_string()),
        },
        Err(error) => complain(&format!("{error}\n\n{HELP}")),
    }
}

async fn report(options: &Options) -> Result<Report, crate::Error> {
    match options.command.as_str() {
        "list" => list::list(options),
        "restore" => restore::restore(options).await,
        "gc" => gc::gc(options).await,
        _ => Ok(doctor::doctor(options).await),
    }
}

enum Typed {
    Help,
    Version,
    Command(Options),
}

fn parse(mut words: Parser) -> Result<Typed, lexopt::Error> {
    let mut options = Options {
        command: String::new(),
        json: false,
        state_dir: DEFAULT_STATE_DIR.into(),
        backend: None,
        patience: PATIENCE,
    };
    while let Some(word) = words.next()? {
        match word {
            Arg::Short('h') | Arg::Long("help") => return Ok(Typed::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Typed::Version),
            Arg::Long("json") => options.json = true,
            Arg::Long("state-dir") => options.state_dir = words.value()?.into(),
            Arg::Long("backend") => options.backend = Some(backend(&words.value()?.string()?)?),
            Arg::Value(command) if options.command.is_empty() => {
                options.command = known(command.string()?)?;
            }
            other => return Err(other.unexpected()),
        }
    }
    if options.command.is_empty() { Ok(Typed::Help) } else { Ok(Typed::Command(options)) }
}

fn known(command: String) -> Result<String, lexopt::Error> {
    if ["list", "restore", "gc", "doctor"].contains(&command.as_str()) {
        return Ok(command);
    }
    Err(format!("there is no command {command:?}").into())
}

fn backend(name: &str) -> Result<BackendKind, lexopt::Error> {
    serde_json::from_value(Value::from(name))
        .map_err(|_| format!("there is no backend {name:?}").into())
}

fn say(text: &str, well: bool) -> ExitCode {
    use std::io::Write;
    // Nobody may be listening any more, as in `… | head`.
    let _ = std::io::stdout().write_all(text.as_bytes());
    if well { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn complain(text: &str) -> ExitCode {
    eprintln!("mesos-cni-port-mapper: {text}");
    ExitCode::FAILURE
}
