//! The invocations of Mesos's isolator, as pure functions.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cni_protocol::Verb;
use serde_json::{Map, Value, json};

use super::json::print;
use crate::runtime::invocation::Invocation;

/// The PATH of plugins if the agent has none.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The parameters of every call for one container on one network.
#[derive(Clone, Debug)]
pub struct CallContext<'a> {
    /// The container id.
    pub id: &'a str,
    /// The interface name: `eth0`, `eth1` … in the order of the networks that the container joins.
    pub ifname: &'a str,
    /// The handle of the network namespace; `None` if it is no longer a namespace, as after a
    /// reboot.
    pub netns: Option<&'a str>,
    /// The flag `--network_cni_plugins_dir`, verbatim.
    pub plugins_dir: &'a str,
    /// The PATH of the agent.
    pub path: Option<&'a str>,
    /// The file with the configuration, which is the standard input of plugins.
    pub checkpoint: PathBuf,
}

/// Returns the text of the checkpoint: the configuration with the `NetworkInfo` of the framework.
///
/// # Errors
/// If the operator uses a key that is reserved for Mesos.
pub fn checkpoint(config: &Map<String, Value>, info: Map<String, Value>) -> Result<String, String> {
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
    let mut info = complete(info);
    info.insert("name".to_owned(), config.get("name").cloned().unwrap_or_default());
    args.insert("org.apache.mesos".to_owned(), json!({ "network_info": info }));
    config.insert("args".to_owned(), args.into());
    Ok(print(&config.into()))
}

/// Returns the invocation of a plugin with the text of the checkpoint.
///
/// # Errors
/// If that is not a configuration of this network.
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
            "the current CNI configuration network('{name}') does not match the network name: \
             '{network}'"
        ));
    }
    Ok(Invocation {
        plugin: text("type")?,
        verb,
        variables: variables(verb, about),
        inherits: false,
        stdin: checkpoint.to_owned(),
        from_file: Some(about.checkpoint.clone()),
        ignores_sigpipe: true,
    })
}

/// Returns all variables; `CNI_ARGS` is never among them.
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

/// Fills in what the message `NetworkInfo` has by default: the family of an address without one.
fn complete(mut info: Map<String, Value>) -> Map<String, Value> {
    let addresses = info.get_mut("ip_addresses").and_then(Value::as_array_mut);
    for address in addresses.into_iter().flatten().filter_map(Value::as_object_mut) {
        if !address.contains_key("protocol") {
            address.insert("protocol".to_owned(), "IPv4".into());
        }
    }
    info
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn network_info_is_added_to_the_operators_args() {
        let config =
            object(json!({ "type": "t", "name": "n", "args": { "z": { "b": 1, "a": 2 } } }));
        let info = object(json!({
            "port_mappings": [{ "host_port": 1, "container_port": 2 }],
            "ip_addresses": [{}, { "protocol": "IPv6" }],
        }));
        assert_eq!(
            checkpoint(&config, info).unwrap(),
            concat!(
                r#"{"args":{"org.apache.mesos":{"network_info":{"ip_addresses":"#,
                r#"[{"protocol":"IPv4"},{"protocol":"IPv6"}],"name":"n","#,
                r#""port_mappings":[{"container_port":2,"host_port":1}]}},"z":{"a":2,"b":1}},"#,
                r#""name":"n","type":"t"}"#,
            )
        );
    }

    #[test]
    fn a_reserved_key_is_refused() {
        let config =
            object(json!({ "type": "t", "name": "n", "args": { "org.apache.mesos": {} } }));
        assert!(checkpoint(&config, Map::new()).unwrap_err().contains("reserved by Mesos"));
        let config = object(json!({ "type": "t", "name": "n", "args": "x" }));
        assert!(checkpoint(&config, Map::new()).unwrap_err().contains("invalid 'args'"));
    }
}
