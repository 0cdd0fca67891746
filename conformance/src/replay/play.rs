//! Makes the calls again.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;

use cni_protocol::{Environment, SpecVersion, Verb};
use cni_test_kit::{Container, Host, Netns};
use serde_json::{Map, Value};

use super::{Difference, Recorded, Shape};
use crate::exchange::Exchange;
use crate::fixture::PATH;
use crate::fixture::host_pool::bind_mounts;
use crate::run::case::panic_message;
use crate::runtime::exec::Exec;
use crate::runtime::failure::Failure;
use crate::runtime::invocation::Invocation;
use crate::runtime::runner::{Runner, Site};

/// The plugin that takes the place of the recorded one, and what it needs.
#[derive(Clone, Debug)]
pub struct Stand {
    /// The program, by its absolute path.
    pub plugin: PathBuf,
    /// Where the plugins that it runs are, besides its own directory.
    pub path: Vec<PathBuf>,
    /// A shell script that makes the host ready.
    pub prepare: Option<String>,
    /// How long one call may take.
    pub limit: Duration,
}

/// A call that was made again.
#[derive(Clone, Debug)]
pub struct Played {
    /// The shape of the answer as it was recorded.
    pub recorded: Shape,
    /// As it is now.
    pub seen: Shape,
    /// The call now, and all that came out of it.
    pub exchange: Exchange,
}

impl Played {
    /// What is not alike.
    pub fn differences(&self) -> Vec<Difference> {
        self.recorded.differences(&self.seen)
    }
}

/// Makes the calls in their order, on a throw-away host, and shows each when it is over.
///
/// # Errors
/// When this machine does not allow such a host, `prepare` fails, or the plugin can't be started; the message says why.
pub fn replay(
    calls: &[Recorded],
    stand: &Stand,
    show: &mut dyn FnMut(&Recorded, &Played),
) -> Result<(), String> {
    let played = catch_unwind(AssertUnwindSafe(|| play(calls, stand, show)));
    played.map_err(|panic| panic_message(panic.as_ref()))?.map_err(|failure| failure.to_string())
}

fn play(
    calls: &[Recorded],
    stand: &Stand,
    show: &mut dyn FnMut(&Recorded, &Played),
) -> Result<(), Failure> {
    let mounts = bind_mounts(&stand.plugin, &stand.path).map_err(Failure::own)?;
    let host = Host::with_private_tmp(mounts);
    if let Some(script) = &stand.prepare {
        host.sh(script);
    }
    let place: Netns = (*host).clone();
    let own = Environment::from_iter([("PATH", PATH), ("HOME", "/root"), ("LANG", "C.UTF-8")]);
    let runner = Runner::new(Site::Host(place, host.pid()), own, stand.limit);
    let mut player =
        Player { host, runner, stand, containers: BTreeMap::new(), results: BTreeMap::new() };
    for call in calls {
        show(call, &player.play(call)?);
    }
    Ok(())
}

struct Player<'s> {
    host: Host,
    runner: Runner,
    stand: &'s Stand,
    /// By recorded container id.
    containers: BTreeMap<String, Container>,
    /// The last result of each attachment: network, container id, interface.
    results: BTreeMap<[String; 3], Value>,
}

impl Player<'_> {
    fn play(&mut self, call: &Recorded) -> Result<Played, Failure> {
        let netns = self.netns(call);
        let told = self.told(call, netns.as_deref());
        let exchange = self.runner.execute(&self.stand.plugin, &told)?;
        let has_result = call.verb == Verb::Add;
        if let (true, Ok(result)) = (has_result, serde_json::from_str(&exchange.stdout)) {
            self.results.insert(attachment(call), result);
        }
        let version = version(&call.config);
        Ok(Played {
            recorded: Shape::of_recorded(&call.answer, version),
            seen: Shape::of_exchange(&exchange, has_result, version),
            exchange,
        })
    }

    /// The namespace that stands for the recorded one; none when none was given, as in a DEL after a reboot.
    fn netns(&mut self, call: &Recorded) -> Option<String> {
        call.netns.as_ref()?;
        let number = self.containers.len() + 1;
        let make = || self.host.container(&format!("replay{number}"));
        Some(self.containers.entry(call.container_id.clone()).or_insert_with(make).netns())
    }

    fn told(&self, call: &Recorded, netns: Option<&str>) -> Invocation {
        let mut variables = call.environment.clone();
        variables.insert("CNI_COMMAND".to_owned(), call.verb.to_string());
        variables.insert("CNI_PATH".to_owned(), self.cni_path());
        if let Some(netns) = netns {
            variables.insert("CNI_NETNS".to_owned(), netns.to_owned());
        }
        let plugin =
            self.stand.plugin.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut config = call.config.clone();
        config.insert("type".to_owned(), plugin.as_str().into());
        self.renew_result(call, &mut config);
        let mut config = Value::Object(config);
        if let (Some(old), Some(new)) = (&call.netns, netns) {
            replace(&mut config, old, new);
        }
        let stdin = config.to_string();
        Invocation { plugin, verb: call.verb, variables, inherits: true, stdin, from_file: None }
    }

    /// After ADD a runtime hands on the result that this plugin gave, not the one that the other did.
    fn renew_result(&self, call: &Recorded, config: &mut Map<String, Value>) {
        let result = self.results.get(&attachment(call)).filter(|_| call.verb != Verb::Add);
        if let (Some(recorded), Some(result)) = (config.get_mut("prevResult"), result) {
            *recorded = result.clone();
        }
    }

    fn cni_path(&self) -> String {
        let own = self.stand.plugin.parent().map(PathBuf::from);
        let usual = ["/opt/cni/bin", "/usr/lib/cni"].map(PathBuf::from);
        let all = self.stand.path.iter().cloned().chain(own).chain(usual);
        all.map(|one| one.display().to_string()).collect::<Vec<_>>().join(":")
    }
}

fn attachment(call: &Recorded) -> [String; 3] {
    [call.network.clone(), call.container_id.clone(), call.ifname.clone()]
}

/// No `cniVersion` means 0.1.0. One that is not known is for the plugin to refuse.
fn version(config: &Map<String, Value>) -> SpecVersion {
    let text = config.get("cniVersion").and_then(Value::as_str).unwrap_or_default();
    text.parse().unwrap_or_default()
}

/// Puts `new` in the place of every text that is `old`.
fn replace(value: &mut Value, old: &str, new: &str) {
    match value {
        Value::String(text) if text == old => new.clone_into(text),
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, old, new)),
        Value::Object(object) => object.values_mut().for_each(|value| replace(value, old, new)),
        _ => {}
    }
}
