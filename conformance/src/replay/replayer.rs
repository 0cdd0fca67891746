//! Makes recorded calls again.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use cni_protocol::{Environment, SpecVersion, Verb};
use cni_test_kit::{Container, Host, Netns};
use serde_json::{Map, Value};

use super::recording::RecordedCall;
use super::shape::{Difference, Shape};
use crate::exchange::Exchange;
use crate::fixture::PATH;
use crate::fixture::host_pool::bind_mounts;
use crate::run::case::panic_message;
use crate::runtime::exec::Exec;
use crate::runtime::failure::Failure;
use crate::runtime::invocation::Invocation;
use crate::runtime::runner::{Runner, Site};
use crate::subject::PLUGIN_DIRECTORIES;

/// The plugin that replaces the recorded one, and what it needs.
#[derive(Clone, Debug)]
pub struct Target {
    /// The absolute path of the program.
    pub plugin: PathBuf,
    /// Directories of the plugins that it runs, in addition to its own directory.
    pub path: Vec<PathBuf>,
    /// A shell script that prepares the host.
    pub prepare: Option<String>,
    /// How long one call may take.
    pub limit: Duration,
}

/// A call that was made again.
#[derive(Clone, Debug)]
pub struct Replayed {
    /// The shape of the recorded answer.
    pub recorded: Shape,
    /// The shape of the answer now.
    pub seen: Shape,
    /// The call as it was made now, and its answer.
    pub exchange: Exchange,
}

impl Replayed {
    /// Returns the aspects in which the answers differ.
    pub fn differences(&self) -> Vec<Difference> {
        self.recorded.differences(&self.seen)
    }
}

/// Makes the calls in order on a disposable host, and passes each to `show` when it has ended.
///
/// # Errors
/// Fails if this machine does not allow such a host, `prepare` fails, or the plugin can't be
/// started.
pub fn replay(
    calls: &[RecordedCall],
    target: &Target,
    show: &mut dyn FnMut(&RecordedCall, &Replayed),
) -> Result<(), String> {
    let replayed = catch_unwind(AssertUnwindSafe(|| replay_all(calls, target, show)));
    replayed.map_err(|panic| panic_message(panic.as_ref()))?.map_err(|failure| failure.to_string())
}

fn replay_all(
    calls: &[RecordedCall],
    target: &Target,
    show: &mut dyn FnMut(&RecordedCall, &Replayed),
) -> Result<(), Failure> {
    let mounts = bind_mounts(&target.plugin, &target.path).map_err(Failure::own)?;
    let host = Host::with_private_tmp(mounts);
    if let Some(script) = &target.prepare {
        host.sh(script);
    }
    let netns: Netns = (*host).clone();
    let own = Environment::from_iter([("PATH", PATH), ("HOME", "/root"), ("LANG", "C.UTF-8")]);
    let runner = Runner::new(Site::Host(netns, host.pid()), own, target.limit);
    let mut replayer =
        Replayer { host, runner, target, containers: BTreeMap::new(), results: BTreeMap::new() };
    for call in calls {
        show(call, &replayer.replay(call)?);
    }
    Ok(())
}

struct Replayer<'t> {
    host: Host,
    runner: Runner,
    target: &'t Target,
    /// The containers, by their recorded ids.
    containers: BTreeMap<String, Container>,
    /// The last result of each attachment: network, container id, interface.
    results: BTreeMap<[String; 3], Value>,
}

impl Replayer<'_> {
    fn replay(&mut self, call: &RecordedCall) -> Result<Replayed, Failure> {
        let netns = self.netns(call);
        let invocation = self.invocation(call, netns.as_deref());
        let exchange = self.runner.execute(&self.target.plugin, &invocation)?;
        let has_result = call.verb == Verb::Add;
        if let (true, Ok(result)) = (has_result, serde_json::from_str(&exchange.stdout)) {
            self.results.insert(attachment(call), result);
        }
        let version = version(&call.config);
        Ok(Replayed {
            recorded: Shape::of_recorded(&call.answer, version),
            seen: Shape::of_exchange(&exchange, has_result, version),
            exchange,
        })
    }

    /// Returns the namespace that replaces the recorded one; `None` if the recorded call had none,
    /// as a DEL after a reboot.
    fn netns(&mut self, call: &RecordedCall) -> Option<String> {
        call.netns.as_ref()?;
        let number = self.containers.len() + 1;
        let make = || self.host.container(&format!("replay{number}"));
        Some(self.containers.entry(call.container_id.clone()).or_insert_with(make).netns())
    }

    fn invocation(&self, call: &RecordedCall, netns: Option<&str>) -> Invocation {
        let mut variables = call.environment.clone();
        variables.insert("CNI_COMMAND".to_owned(), call.verb.to_string());
        variables.insert("CNI_PATH".to_owned(), self.cni_path());
        if let Some(netns) = netns {
            variables.insert("CNI_NETNS".to_owned(), netns.to_owned());
        }
        let plugin =
            self.target.plugin.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut config = call.config.clone();
        config.insert("type".to_owned(), plugin.as_str().into());
        self.renew_result(call, &mut config);
        let mut config = Value::Object(config);
        if let (Some(old), Some(new)) = (&call.netns, netns) {
            replace(&mut config, old, new);
        }
        let stdin = config.to_string();
        Invocation {
            plugin,
            verb: call.verb,
            variables,
            inherits: true,
            stdin,
            from_file: None,
            ignores_sigpipe: false,
        }
    }

    /// Replaces the recorded result of ADD by the one of this plugin, as a runtime would pass it.
    fn renew_result(&self, call: &RecordedCall, config: &mut Map<String, Value>) {
        let result = self.results.get(&attachment(call)).filter(|_| call.verb != Verb::Add);
        if let (Some(recorded), Some(result)) = (config.get_mut("prevResult"), result) {
            *recorded = result.clone();
        }
    }

    fn cni_path(&self) -> String {
        let own = self.target.plugin.parent().map(PathBuf::from);
        let usual = PLUGIN_DIRECTORIES.map(PathBuf::from);
        let all = self.target.path.iter().cloned().chain(own).chain(usual);
        all.map(|one| one.display().to_string()).collect::<Vec<_>>().join(":")
    }
}

fn attachment(call: &RecordedCall) -> [String; 3] {
    [call.network.clone(), call.container_id.clone(), call.ifname.clone()]
}

/// Returns the version of a configuration; an unknown one counts as 0.1.0 here, and the plugin
/// refuses it.
fn version(config: &Map<String, Value>) -> SpecVersion {
    let text = config.get("cniVersion").and_then(Value::as_str).unwrap_or_default();
    text.parse().unwrap_or_default()
}

/// Replaces every string that is `old` by `new`.
fn replace(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) if text == old => new.clone_into(text),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, old, new)),
        Value::Object(object) => object.values_mut().for_each(|value| replace(value, old, new)),
        _ => {}
    }
}
