//! The invocations of libcni for each verb, as pure functions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cni_protocol::Verb;
use serde_json::{Map, Value, json};

use super::go_json;
use super::network::Network;
use super::quirk::{Quirk, Quirks};
use crate::runtime::invocation::Invocation;
use crate::runtime::runtime_conf::RuntimeConf;

/// Returns the invocation of a plugin of the list for an attachment: ADD, CHECK, DEL.
pub fn attachment(
    network: &Network,
    plugin: &Map<String, Value>,
    verb: Verb,
    prev_result: Option<&Value>,
    (conf, path): (&RuntimeConf, &[PathBuf]),
    quirks: &Quirks,
) -> Result<Invocation, String> {
    let mut config = named(network, plugin);
    if let Some(prev_result) = prev_result {
        config.insert("prevResult".to_owned(), prev_result.clone());
    }
    let supplied = supplied(plugin, &conf.capability_args);
    let mut sort_all = !supplied.is_empty();
    if !supplied.is_empty() {
        config.insert("runtimeConfig".to_owned(), supplied.into());
    }
    if !quirks.has(Quirk::PassesCapabilities) {
        sort_all |= config.shift_remove("capabilities").is_some();
    }
    let stdin = printed(config, sort_all, quirks)?;
    Ok(invocation(plugin, verb, variables(verb, conf, path), stdin))
}

/// Returns the invocation of a plugin of the list for the network: GC, STATUS.
pub fn network(
    network: &Network,
    plugin: &Map<String, Value>,
    verb: Verb,
    valid: Option<&[Value]>,
    path: &[PathBuf],
    quirks: &Quirks,
) -> Result<Invocation, String> {
    let mut config = named(network, plugin);
    for key in ["cni.dev/attachments", "cni.dev/valid-attachments"] {
        if let Some(valid) = valid {
            config.insert(key.to_owned(), valid.into());
        }
    }
    let stdin = printed(config, false, quirks)?;
    Ok(invocation(plugin, verb, variables(verb, &RuntimeConf::default(), path), stdin))
}

/// Returns the entry of an attachment in the list for GC.
pub fn valid(id: &str, ifname: &str) -> Value {
    json!({ "containerID": id, "ifname": ifname })
}

fn named(network: &Network, plugin: &Map<String, Value>) -> Map<String, Value> {
    let mut config = plugin.clone();
    config.insert("name".to_owned(), network.name.as_str().into());
    config.insert("cniVersion".to_owned(), network.version.as_str().into());
    config
}

/// Returns the values for the capabilities that the plugin declares.
fn supplied(plugin: &Map<String, Value>, all: &Map<String, Value>) -> Map<String, Value> {
    let declared = plugin.get("capabilities").and_then(Value::as_object);
    let declared = declared.into_iter().flatten().filter(|(_, declared)| **declared == true);
    declared.filter_map(|(key, _)| Some((key.clone(), all.get(key)?.clone()))).collect()
}

/// Prints a configuration with sorted keys. An inserted prevResult keeps its order until it passes
/// through a map again.
fn printed(
    mut config: Map<String, Value>,
    sort_all: bool,
    quirks: &Quirks,
) -> Result<String, String> {
    let prev_result = if sort_all { None } else { config.get("prevResult").cloned() };
    let floats = quirks.has(Quirk::RoundsNumbers);
    let mut sorted = go_json::through_map(Value::Object(std::mem::take(&mut config)), floats)?;
    if let Some(prev_result) = prev_result {
        sorted["prevResult"] = prev_result;
    }
    Ok(go_json::print(&sorted))
}

fn variables(verb: Verb, conf: &RuntimeConf, path: &[PathBuf]) -> BTreeMap<String, String> {
    let args = conf.args.iter().map(|(key, value)| format!("{key}={value}"));
    let path = path.iter().map(|directory| directory.display().to_string());
    let pairs = [
        ("CNI_COMMAND", verb.as_str().to_owned()),
        ("CNI_CONTAINERID", conf.id.clone()),
        ("CNI_NETNS", conf.netns.clone()),
        ("CNI_IFNAME", conf.ifname.clone()),
        ("CNI_ARGS", args.collect::<Vec<_>>().join(";")),
        ("CNI_PATH", path.collect::<Vec<_>>().join(":")),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn invocation(
    plugin: &Map<String, Value>,
    verb: Verb,
    variables: BTreeMap<String, String>,
    stdin: String,
) -> Invocation {
    Invocation {
        plugin: type_of(plugin).to_owned(),
        verb,
        variables,
        inherits: true,
        stdin,
        from_file: None,
        ignores_sigpipe: false,
    }
}

/// Returns the file name of a plugin.
pub(super) fn type_of(plugin: &Map<String, Value>) -> &str {
    plugin.get("type").and_then(Value::as_str).unwrap_or_default()
}
