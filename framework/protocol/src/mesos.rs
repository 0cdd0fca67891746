//! How Apache Mesos passes labels and port mappings: in `args."org.apache.mesos".network_info`.

use serde_json::{Map, Value, json};

use crate::json::Object;

/// Returns what Mesos's network/cni isolator passes about the container.
pub fn network_info(config: &Object) -> Option<&Object> {
    config.get("args")?.get("org.apache.mesos")?.get("network_info")?.as_object()
}

/// Adds Mesos's labels and port mappings in the form that other plugins read.
///
/// Only for a plugin whose configuration declares the capability and which has no such values yet:
/// `port_mappings` become `runtimeConfig.portMappings`, `labels` become `args.cni.labels`.
pub fn translate(config: &mut Object) {
    let declares = |config: &Object, capability| {
        config.get("capabilities").and_then(|all| all.get(capability)) == Some(&Value::Bool(true))
    };
    let Some(info) = network_info(config) else { return };
    let mappings = info.get("port_mappings").and_then(Value::as_array).cloned();
    let labels = info.get("labels").and_then(|labels| labels.get("labels")).cloned();
    if let Some(mappings) = mappings.filter(|_| declares(config, "portMappings")) {
        let translated: Vec<Value> = mappings.iter().map(mapping).collect();
        insert(config, &["runtimeConfig", "portMappings"], translated.into());
    }
    if let Some(labels) = labels.filter(|_| declares(config, "labels")) {
        insert(config, &["args", "cni", "labels"], labels);
    }
}

/// Turns `{"host_port": 8080, …}` into `{"hostPort": 8080, …}`. The plugin refuses wrong values.
fn mapping(mesos: &Value) -> Value {
    let protocol = mesos.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
    json!({
        "hostPort": mesos.get("host_port"),
        "containerPort": mesos.get("container_port"),
        "protocol": protocol.to_ascii_lowercase(),
    })
}

/// Inserts a value unless there is one, or something on the path is not an object.
fn insert(object: &mut Object, path: &[&str], value: Value) {
    let Some((key, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        object.entry(*key).or_insert(value);
    } else if let Value::Object(inner) =
        object.entry(*key).or_insert_with(|| Value::Object(Map::new()))
    {
        insert(inner, rest, value);
    }
}
