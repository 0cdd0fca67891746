//! `replay`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use cni_conformance::replay::{Filter, RecordedCall, Recording, Replayed, Target, replay as run};
use cni_conformance::{Profile, Subject};
use serde_json::{Map, Value, json};

use super::exit_status::ExitStatus;
use super::values::{directories, seconds};

const EXIT_STATUS: &str = "\
Exit status: 0 the same answers, 1 different ones, 2 could not replay, 3 no such call is recorded.";

/// Repeat the calls that cni-trace recorded, with another plugin, and compare its answers
#[derive(Args)]
#[command(after_help = EXIT_STATUS)]
pub(super) struct Arguments {
    /// A file that cni-trace has written
    recording: PathBuf,
    /// The plugin: a program, or the name of one in /opt/cni/bin, /usr/lib/cni or /usr/libexec/cni
    plugin: PathBuf,
    /// Replay only the calls of this network
    #[arg(long, value_name = "NAME")]
    network: Option<String>,
    /// Replay only the calls of this delegate, if several were recorded
    #[arg(long, value_name = "TYPE")]
    delegate: Option<String>,
    /// A shell script that prepares the host
    #[arg(long, value_name = "SCRIPT")]
    prepare: Option<String>,
    /// Further directories of plugins, searched before PLUGIN's own and the usual ones
    #[arg(long, value_name = "DIRS", default_value = "", hide_default_value = true)]
    path: String,
    /// The time limit of one call of the plugin
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    timeout: Duration,
    /// Print the comparison as JSON
    #[arg(long)]
    json: bool,
}

/// Replays the calls of a recording and prints which of them are answered differently.
pub(super) fn replay(arguments: &Arguments) -> Result<ExitStatus, String> {
    let recording = arguments.recording()?;
    let target = arguments.target()?;
    let file = arguments.recording.display();
    if recording.calls.is_empty() {
        outln!("{file} contains no such call");
        return Ok(ExitStatus::NothingMatched);
    }
    let mut comparison =
        Comparison { json: arguments.json, target: &target, calls: Vec::new(), different: 0 };
    if !arguments.json {
        let version = env!("CARGO_PKG_VERSION");
        outln!("cni-conformance {version} · {file} · {}", target.plugin.display());
    }
    // A panic is an error of the harness here, and reported as such.
    std::panic::set_hook(Box::new(|_| ()));
    run(&recording.calls, &target, &mut |call, replayed| comparison.add(call, replayed))?;
    comparison.print_totals();
    Ok(if comparison.different == 0 { ExitStatus::Success } else { ExitStatus::Failure })
}

impl Arguments {
    fn recording(&self) -> Result<Recording, String> {
        let filter = Filter { network: self.network.clone(), delegate: self.delegate.clone() };
        let file = self.recording.display();
        let text = fs::read_to_string(&self.recording);
        let text = text.map_err(|error| format!("cannot read {file}: {error}"))?;
        Recording::read(&text, &filter).map_err(|problem| format!("{file}: {problem}"))
    }

    fn target(&self) -> Result<Target, String> {
        let subject = Subject::new(self.plugin.clone(), Profile::Interface, Map::new()).found()?;
        Ok(Target {
            plugin: subject.plugin,
            path: directories(&self.path),
            prepare: self.prepare.clone(),
            limit: self.timeout,
        })
    }
}

/// What the replayed calls have in common with the recorded ones.
struct Comparison<'t> {
    json: bool,
    target: &'t Target,
    calls: Vec<Value>,
    different: usize,
}

impl Comparison<'_> {
    fn add(&mut self, call: &RecordedCall, replayed: &Replayed) {
        let differences = replayed.differences();
        self.different += usize::from(!differences.is_empty());
        self.calls.push(json!({
            "call": call.to_string(),
            "alike": differences.is_empty(),
            "redacted": call.is_redacted(),
            "differences": differences,
            "exchange": replayed.exchange,
        }));
        if !self.json {
            self.print(call, replayed);
        }
    }

    fn print(&self, call: &RecordedCall, replayed: &Replayed) {
        let differences = replayed.differences();
        let sign = if differences.is_empty() { '✔' } else { '✘' };
        let redacted = if call.is_redacted() { "  (with secrets redacted)" } else { "" };
        outln!("{sign} {call}{redacted}");
        for difference in &differences {
            let aspect = difference.what;
            outln!("    {aspect:<10} recorded: {}", difference.recorded);
            outln!("    {:<10} now:      {}", "", difference.seen);
        }
        if !differences.is_empty() {
            outln!("    output     {}", replayed.exchange.ending());
            outln!("    manually   {}", replayed.exchange.command_line(&self.target.plugin));
        }
    }

    fn print_totals(&self) {
        let (all, different) = (self.calls.len(), self.different);
        let alike = all - different;
        if self.json {
            let plugin = self.target.plugin.display().to_string();
            let counts = json!({"alike": alike, "different": different});
            let calls = &self.calls;
            let report = json!({"replay": 1, "plugin": plugin, "counts": counts, "calls": calls});
            outln!("{report}");
        } else {
            let word = if all == 1 { "call" } else { "calls" };
            outln!("\n{all} {word}: {alike} alike, {different} different");
        }
    }
}
