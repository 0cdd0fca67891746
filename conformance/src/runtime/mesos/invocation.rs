//! What Mesos's isolator tells a plugin. Nothing here does anything.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cni_protocol::Verb;
use serde_json::{Map, Value, json};

use crate::runtime::invocation::Invocation;

/// The PATH that plugins get when the agent itself has none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the agent says in every call about one container on one network.
#[derive(Clone, Debug)]
pub struct CallContext<'a> {
    /// The container id.
    pub id: &'a str,
    /// `eth0`, `eth1` …, counted over the networks that the container joins.
    pub ifname: &'a str,
    /// The handle of the network namespace; `None` when it is none any more, as after a reboot.
    pub netns: Option<&'a str>,
    /// `--network_cni_plugins_dir`, as it was given.
    pub plugins_dir: &'a str,
    /// The agent's own PATH.
    pub path: Option<&'a str>,
    /// Where the configuration was written to: plugins read this file.
    pub checkpoint: PathBuf,
}

/// The configuration with what the framework says about the network put in, as it is written into the checkpoint.
///
/// # Errors
/// When the operator uses what is reserved for Mesos.
pub fn checkpoint(
    config: &Map<String, Value>,
    mut info: Map<String, Value>,
) -> Result<String, String> {
    let mut config = config.clone();
    let mut args = match config.get("args") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(args)) => args.clone(),
        Some(_) => return Err("invalid 'args' found in CNI network configuration file".to_owned()),
    };
    if args.contains_key("org.apache.mesos") {
        return Err("'org.apache.mesos' in 'args' should not be set in CNI network configuration \
                    file. It is reserved by Mesos"
            .to_owned());
    }
    info.insert("name".to_owned(), config.get("name").cloned().unwrap_or_default());
    args.insert("org.apache.mesos".to_owned(), json!({ "network_info": info }));
    config.insert("args".to_owned(), args.into());
    Ok(sorted(config.into()).to_string())
}

/// What the plugin is invocation, with the text of the checkpoint.
///
/// # Errors
/// When that is no configuration of this network.
pub fn invocation(
    verb: Verb,
    checkpoint: &str,
    network: &str,
    about: &CallContext,
) -> Result<Invocation, String> {
    let config: Map<String, Value> = serde_json::from_str(checkpoint)
        .map_err(|error| format!("failed to parse CNI network configuration: {error}"))?;
    let text = |key: &str| {
        let text = config.get(key).and_then(Value::as_str).map(str::to_owned);
        text.ok_or_else(|| format!("cannot determine the '{key}' of the CNI configuration"))
    };
    let name = text("name")?;
    if name != network {
        return Err(format!(
            "the current CNI configuration network('{name}') does not match the network name: '{network}'"
        ));
    }
    Ok(Invocation {
        plugin: text("type")?,
        verb,
        variables: variables(verb, about),
        inherits: false,
        stdin: checkpoint.to_owned(),
        from_file: Some(about.checkpoint.clone()),
    })
}

/// Exactly these; `CNI_ARGS` is never among them.
fn variables(verb: Verb, about: &CallContext) -> BTreeMap<String, String> {
    let mut variables: BTreeMap<String, String> = [
        ("CNI_COMMAND", verb.as_str()),
        ("CNI_CONTAINERID", about.id),
        ("CNI_PATH", about.plugins_dir),
        ("CNI_IFNAME", about.ifname),
        ("PATH", about.path.unwrap_or(DEFAULT_PATH)),
    ]
    .map(|(key, value)| (key.to_owned(), value.to_owned()))
    .into();
    if let Some(netns) = about.netns {
        variables.insert("CNI_NETNS".to_owned(), netns.to_owned());
    }
    variables
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let members: BTreeMap<_, _> =
                object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(members.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn what_the_framework_says_is_put_in_beside_what_the_operator_wrote() {
        let config =
            object(json!({ "type": "t", "name": "n", "args": { "z": { "b": 1, "a": 2 } } }));
        let info = object(json!({ "port_mappings": [{ "host_port": 1, "container_port": 2 }] }));
        assert_eq!(
            checkpoint(&config, info).unwrap(),
            r#"{"args":{"org.apache.mesos":{"network_info":{"name":"n","port_mappings":[{"container_port":2,"host_port":1}]}},"z":{"a":2,"b":1}},"name":"n","type":"t"}"#
        );
    }

    #[test]
    fn what_is_reserved_is_refused() {
        let config =
            object(json!({ "type": "t", "name": "n", "args": { "org.apache.mesos": {} } }));
        assert!(checkpoint(&config, Map::new()).unwrap_err().contains("reserved by Mesos"));
        let config = object(json!({ "type": "t", "name": "n", "args": "x" }));
        assert!(checkpoint(&config, Map::new()).unwrap_err().contains("invalid 'args'"));
    }
}
