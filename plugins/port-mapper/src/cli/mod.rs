//! The commands for administrators: `list`, `restore`, `gc`, `doctor`, `explain`.
//!
//! With `--json` each prints one object on stdout, also if it fails, with the same keys: `errors`
//! contains what failed (`failure`), and the others are empty then.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the output of commands")]

mod doctor;
mod explain;
mod failure;
mod gc;
mod inventory;
mod list;
mod restore;
mod row;

use std::env;
use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use cni_wrapper::{About, block_on};
use lexopt::{Arg, Parser, ValueExt};
use serde_json::{Value, json};

use self::failure::Failure;
use crate::config::{BackendKind, DEFAULT_STATE_DIR};

/// The time that a command waits for the lock. It is longer than a plugin's, since no runtime waits
/// for it, and since a container that `restore` skips would remain without its ports.
const LOCK_TIMEOUT: Duration = Duration::from_secs(60);

const COMMANDS: [&str; 5] = ["list", "restore", "gc", "doctor", "explain"];

const HELP: &str = "\
Usage: mesos-cni-port-mapper COMMAND [--json] [--state-dir DIR] [--backend NAME] [--force ID]
       mesos-cni-port-mapper explain PORT[/PROTOCOL] [--from ADDRESS[%INTERFACE]] [--json]

Commands:
  list      list the mapped host ports and their owners
  restore   recreate the rules of all containers that are not gone, after a firewall reload
  gc        remove the mappings of containers that are proven to be gone
  doctor    check whether this host meets the requirements
  explain   follow a packet to a host port and its answer, and show where it is lost;
            PROTOCOL is tcp, udp or sctp (default: tcp)

Options:
  --json            print one JSON object, also if the command fails
  --state-dir DIR   directory of the state files (default: /run/mesos-cni-port-mapper)
  --backend NAME    backend that doctor checks: iptables, iptables-nft, iptables-legacy, nftables
                    (default: iptables if it can be used, otherwise nftables)
  --force ID        container whose mappings gc removes although it can't be proven to be gone:
                    its network namespace can't be seen from here, or only its rules exist
  --from ADDRESS    client whose packet explain follows; %INTERFACE: by which it arrives
  -h, --help        print this help
  -V, --version     print the version

A container runtime calls this program as a CNI plugin, with CNI_COMMAND set.
";

/// The parsed command line.
struct Options {
    command: String,
    json: bool,
    state_dir: PathBuf,
    backend: Option<BackendKind>,
    force: Option<String>,
    /// What `explain` is asked.
    question: Option<explain::Question>,
    lock_timeout: Duration,
}

/// The outcome of a command.
struct Report {
    /// The output without `--json`.
    text: String,
    /// The output with `--json`, an object. If nothing failed it need not have `errors`.
    json: Value,
    /// Whether the exit status is 0, otherwise 1.
    success: bool,
}

/// Runs the command that the command line of this process names.
pub fn run(about: About) -> ExitCode {
    let arguments: Vec<OsString> = env::args_os().skip(1).collect();
    // Also if another argument is wrong.
    let json = arguments.iter().any(|argument| argument == "--json");
    let mut options = Options::default();
    let failure = match parse(Parser::from_args(arguments.clone()), &mut options) {
        Ok(Parsed::Help) => return print(HELP, true),
        Ok(Parsed::Version) => return print(&format!("{} {}\n", about.name, about.version), true),
        Ok(Parsed::Command) => match block_on(report(&options)) {
            Ok(Ok(report)) => return print_report(report, json),
            Ok(Err(error)) => Failure::from(&error),
            Err(panicked) => Failure::new(failure::BUG, panicked.to_string()),
        },
        Err(error) => {
            options.command = command_of(&arguments);
            let failure = Failure::new(failure::USAGE, error.to_string());
            if !json {
                eprintln!("{}: {}\n\n{HELP}", about.name, failure.msg());
                return ExitCode::FAILURE;
            }
            failure
        }
    };
    eprintln!("{}: {}", about.name, failure.msg());
    let mut document = options.empty();
    document["errors"] = json!([failure.json()]);
    if json { print(&format!("{document}\n"), false) } else { ExitCode::FAILURE }
}

/// Returns the command of arguments that could not be parsed; empty if there is none.
fn command_of(arguments: &[OsString]) -> String {
    let is_command = |argument: &&str| COMMANDS.contains(argument);
    let mut names = arguments.iter().filter_map(|argument| argument.to_str());
    names.find(is_command).unwrap_or_default().to_owned()
}

fn print_report(mut report: Report, json: bool) -> ExitCode {
    if !json {
        return print(&report.text, report.success);
    }
    if let Some(object) = report.json.as_object_mut() {
        object.entry("errors").or_insert_with(|| json!([]));
    }
    print(&format!("{}\n", report.json), report.success)
}

async fn report(options: &Options) -> Result<Report, crate::error::Error> {
    if let Some(question) = &options.question {
        return explain::explain(options, question).await;
    }
    match options.command.as_str() {
        "list" => list::list(options).await,
        "restore" => restore::restore(options).await,
        "gc" => gc::gc(options).await,
        _ => Ok(doctor::doctor(options).await),
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            command: String::new(),
            json: false,
            state_dir: DEFAULT_STATE_DIR.into(),
            backend: None,
            force: None,
            question: None,
            lock_timeout: LOCK_TIMEOUT,
        }
    }
}

impl Options {
    /// Returns the JSON of a command that found nothing out.
    fn empty(&self) -> Value {
        match self.command.as_str() {
            "list" => json!({"mappings": [], "waiting": []}),
            "restore" => json!({"restored": []}),
            "gc" => json!({"removed": [], "kept": []}),
            "doctor" => json!({"ok": null, "checks": []}),
            "explain" => explain::empty(self.question.as_ref()),
            _ => json!({}),
        }
    }
}

enum Parsed {
    Help,
    Version,
    Command,
}

fn parse(mut parser: Parser, options: &mut Options) -> Result<Parsed, lexopt::Error> {
    let (mut port, mut from) = (None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Parsed::Help),
            Arg::Short('V') | Arg::Long("version") => return Ok(Parsed::Version),
            Arg::Long("json") => options.json = true,
            Arg::Long("state-dir") => options.state_dir = value(&mut parser, "--state-dir")?.into(),
            Arg::Long("force") => options.force = Some(value(&mut parser, "--force")?),
            Arg::Long("backend") => {
                options.backend = Some(backend(&value(&mut parser, "--backend")?)?)
            }
            Arg::Long("from") => from = Some(value(&mut parser, "--from")?),
            Arg::Value(value) if options.command == "explain" && port.is_none() => {
                port = Some(value.string()?);
            }
            Arg::Value(command) if options.command.is_empty() => {
                options.command = check_command(command.string()?)?;
            }
            other => return Err(other.unexpected()),
        }
    }
    if options.force.is_some() && options.command != "gc" {
        return Err("--force is an option of gc".into());
    }
    if from.is_some() && options.command != "explain" {
        return Err("--from is an option of explain".into());
    }
    if options.command == "explain" {
        let port = port.ok_or("explain needs a host port, such as 8080 or 53/udp")?;
        let question = explain::Question::parse(&port, from.as_deref())?;
        question.check()?;
        options.question = Some(question);
    }
    if options.command.is_empty() { Ok(Parsed::Help) } else { Ok(Parsed::Command) }
}

/// Returns the value of an option. Another option is none: it was forgotten.
fn value(parser: &mut Parser, option: &str) -> Result<String, lexopt::Error> {
    let value = parser.value()?.string()?;
    match value.is_empty() || value.starts_with('-') {
        true => Err(format!("{option} has no value: it is followed by {value:?}").into()),
        false => Ok(value),
    }
}

fn check_command(command: String) -> Result<String, lexopt::Error> {
    if COMMANDS.contains(&command.as_str()) {
        return Ok(command);
    }
    Err(format!("{command:?} is not a command").into())
}

fn backend(name: &str) -> Result<BackendKind, lexopt::Error> {
    serde_json::from_value(Value::from(name))
        .map_err(|_| format!("{name:?} is not a backend").into())
}

fn print(text: &str, success: bool) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        // The reader may have closed the pipe, as in `… | head`.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            eprintln!("mesos-cni-port-mapper: stdout can't be written: {error}");
            ExitCode::FAILURE
        }
        _ if success => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
