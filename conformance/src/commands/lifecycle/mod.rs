//! `lifecycle`.

mod outcome;

use std::path::Path;
use std::time::Duration;

use clap::Args;
use cni_conformance::exchange::quoted;
use cni_conformance::runtime::kind::RuntimeKind;
use cni_conformance::runtime::lifecycle::catalogue::all;
use cni_conformance::runtime::lifecycle::definition::Lifecycle;
use cni_conformance::runtime::lifecycle::run::run_lifecycle;
use cni_conformance::runtime::lifecycle::setup::Setup;
use cni_conformance::{Subject, Verdict};
use cni_protocol::SpecVersion;
use serde_json::{Map, Value};

use super::exit_status::ExitStatus;
use super::keep;
use super::subject::SubjectArguments;
use super::values::{JsonObject, Suggested, one_of, seconds, version};

/// Run whole lifecycles of attachments as a runtime drives them, on disposable hosts
#[derive(Args)]
#[command(override_usage = "\
cni-conformance lifecycle [OPTIONS] <PLUGIN|NETCONF>
       cni-conformance lifecycle [OPTIONS] --subject <FILE>
       cni-conformance lifecycle --list")]
pub(super) struct Arguments {
    /// The plugin, or a network configuration: a file that ends in .conf, .conflist or .json
    #[arg(value_name = "PLUGIN|NETCONF", required_unless_present_any = ["subject", "list"])]
    #[arg(conflicts_with = "subject")]
    plugin: Option<String>,
    #[command(flatten)]
    subject: SubjectArguments,
    /// The runtime that drives them
    #[arg(long, default_value = "libcni")]
    #[arg(value_parser = one_of(RuntimeKind::ALL, RuntimeKind::as_str))]
    runtime: RuntimeKind,
    /// Only these lifecycles [default: all]
    #[arg(long, value_name = "NAME", value_delimiter = ',', hide_possible_values = true)]
    #[arg(value_parser = Suggested(|| all().map(|lifecycle| lifecycle.name).collect()))]
    lifecycles: Vec<String>,
    /// List the lifecycles
    #[arg(long)]
    list: bool,
    /// Print the steps, with their times, and the verdicts as JSON
    #[arg(long, conflicts_with_all = ["list", "keep"])]
    json: bool,
    /// The version of the specification [default: the newest that the plugin claims]
    #[arg(long = "spec", value_name = "VERSION", value_parser = version())]
    version: Option<SpecVersion>,
    // Sixteen plugins at once wait long for each other on a busy machine.
    /// The time limit of one call of a plugin
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    timeout: Duration,
    /// Capability arguments; with a subject file, its `runtimeConfig` is used
    #[arg(long, value_name = "JSON|FILE", conflicts_with = "subject")]
    cap: Option<JsonObject>,
    /// With NETCONF and --runtime mesos: the NetworkInfo that the framework sends
    #[arg(long, value_name = "JSON|FILE", conflicts_with = "subject")]
    info: Option<JsonObject>,
    /// Further directories of plugins, searched before the usual ones
    #[arg(long, value_name = "DIRS", default_value = "", hide_default_value = true)]
    path: String,
    /// Keep the host of the first failure until the end of stdin, and print how to enter it
    #[arg(long)]
    keep: bool,
}

/// Runs the lifecycles and prints their steps.
pub(super) fn lifecycle(arguments: &Arguments) -> Result<ExitStatus, String> {
    if arguments.list {
        all().for_each(|lifecycle| outln!("{:<22} {}", lifecycle.name, lifecycle.does));
        return Ok(ExitStatus::Success);
    }
    match arguments.lifecycles() {
        Ok(lifecycles) => run_all(&lifecycles, arguments),
        Err(problem) => {
            outln!("{problem}");
            Ok(ExitStatus::NothingMatched)
        }
    }
}

fn run_all(lifecycles: &[&Lifecycle], arguments: &Arguments) -> Result<ExitStatus, String> {
    let (setup, named) = arguments.setup()?;
    // A panic is a verdict (broken) here, and printed as such.
    std::panic::set_hook(Box::new(|_| ()));
    let (version, runtime) = (env!("CARGO_PKG_VERSION"), setup.kind());
    let (name, spec) = (arguments.name(), setup.version());
    if !arguments.json {
        outln!("cni-conformance {version} · {name} · {runtime} · spec {spec}");
    }
    let command = format!("cni-conformance lifecycle {named} --runtime {runtime}");
    let (mut verdicts, mut documents) = (Vec::new(), Vec::new());
    for lifecycle in lifecycles {
        let (result, testbed) = run_lifecycle(lifecycle, &setup);
        let reproduce = format!("{command} --lifecycles {}{}", lifecycle.name, arguments.others());
        match arguments.json {
            true => documents.push(outcome::json(lifecycle, &result, &reproduce)),
            false => out!("{}", outcome::text(lifecycle, &result, &reproduce)),
        }
        verdicts.push(result.verdict);
        if let (true, Verdict::Fail, Some(testbed)) = (arguments.keep, result.verdict, testbed) {
            keep::until_end_of_input(testbed.host());
            break;
        }
    }
    match arguments.json {
        true => outln!("{:#}", outcome::report(&name, &setup, &documents, &verdicts)),
        false => outln!("\n{}", totals(&verdicts)),
    }
    Ok(exit_status(&verdicts))
}

impl Arguments {
    fn lifecycles(&self) -> Result<Vec<&'static Lifecycle>, String> {
        let find = |name: &String| {
            let found = all().find(|lifecycle| lifecycle.name == name);
            found.ok_or_else(|| format!("no lifecycle is called {name:?}; `--list` lists them"))
        };
        match self.lifecycles.as_slice() {
            [] => Ok(all().collect()),
            names => names.iter().map(find).collect(),
        }
    }

    /// The plugin or network as the output calls it.
    fn name(&self) -> String {
        let file = || self.subject.subject.as_ref().map(|file| file.display().to_string());
        self.plugin.clone().or_else(file).unwrap_or_default()
    }

    /// Returns the plugin or network with its runtime, and the arguments that name it.
    fn setup(&self) -> Result<(Setup, String), String> {
        let netconf = self.plugin.as_ref().filter(|word| is_netconf(word));
        let (setup, arguments) = match netconf {
            Some(file) => (self.of_netconf(Path::new(file))?, quoted(file)),
            None => {
                let named = self.subject.take(self.plugin.as_deref(), &mut Vec::new())?;
                (self.of_subject(named.subject)?, named.arguments)
            }
        };
        Ok((setup.with_path(&self.path), arguments))
    }

    fn of_netconf(&self, file: &Path) -> Result<Setup, String> {
        let given = [
            ("--config", self.subject.config.is_some()),
            ("--profile", self.subject.profile.is_some()),
            ("--spec", self.version.is_some()),
        ];
        if let Some((option, _)) = given.into_iter().find(|(_, is_given)| *is_given) {
            return Err(format!("{option}: the network configuration file defines this itself"));
        }
        let (cap, info) = (object(self.cap.as_ref()), object(self.info.as_ref()));
        Setup::of_file(self.runtime, file, cap, info, self.timeout)
    }

    fn of_subject(&self, mut subject: Subject) -> Result<Setup, String> {
        if self.info.is_some() {
            return Err("--info: only for a network configuration file".to_owned());
        }
        if let Some(cap) = &self.cap {
            subject.runtime_config = cap.object.clone();
        }
        let version = match (self.version, self.runtime) {
            (Some(_), RuntimeKind::Mesos) => {
                return Err("--spec: Mesos sends no version".to_owned());
            }
            (Some(version), RuntimeKind::Libcni) => version,
            (None, RuntimeKind::Libcni) => Setup::newest_version(&subject, self.timeout)?,
            (None, RuntimeKind::Mesos) => SpecVersion::default(),
        };
        Setup::of_subject(self.runtime, subject, version, self.timeout)
    }

    /// Returns the other arguments, to repeat the command with one lifecycle.
    fn others(&self) -> String {
        let typed = |json: &Option<JsonObject>| json.as_ref().map(|json| json.typed.clone());
        let options = [
            ("--spec", self.version.map(|version| version.to_string())),
            ("--timeout", Some(self.timeout.as_secs().to_string())),
            ("--cap", typed(&self.cap)),
            ("--info", typed(&self.info)),
            ("--path", Some(self.path.clone()).filter(|path| !path.is_empty())),
        ];
        let given = options.into_iter().filter_map(|(option, value)| Some((option, value?)));
        given.map(|(option, value)| format!(" {option} {}", quoted(&value))).collect()
    }
}

fn object(json: Option<&JsonObject>) -> Map<String, Value> {
    json.map(|json| json.object.clone()).unwrap_or_default()
}

fn is_netconf(word: &str) -> bool {
    let ending = Path::new(word).extension().and_then(|ending| ending.to_str());
    matches!(ending, Some("conf" | "conflist" | "json"))
}

fn totals(verdicts: &[Verdict]) -> String {
    let count = |one: Verdict| verdicts.iter().filter(|verdict| **verdict == one).count();
    let counts = [Verdict::Pass, Verdict::Fail, Verdict::Skip, Verdict::Broken]
        .map(|verdict| format!("{} {verdict}", count(verdict)));
    let word = if verdicts.len() == 1 { "lifecycle" } else { "lifecycles" };
    format!("{} {word}: {}", verdicts.len(), counts.join(", "))
}

fn exit_status(verdicts: &[Verdict]) -> ExitStatus {
    let any = |one: Verdict| verdicts.contains(&one);
    match () {
        () if any(Verdict::Fail) => ExitStatus::Failure,
        () if any(Verdict::Broken) => ExitStatus::CouldNotTest,
        () if verdicts.iter().all(|verdict| *verdict == Verdict::Skip) => {
            ExitStatus::NothingMatched
        }
        () => ExitStatus::Success,
    }
}
