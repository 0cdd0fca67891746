//! What a runtime says of a container beyond its network: labels, and Mesos's port mappings in the common form.

use serde_json::{Map, Value, json};

use crate::{Object, Request};

impl Request {
    /// The container's labels, in their order: those of Mesos (`args."org.apache.mesos".network_info.labels`) and those of the
    /// common convention (`args.cni.labels`). A key may be there more than once; a label without a value has an empty one.
    pub fn labels(&self) -> Vec<(String, String)> {
        let args = self.config.get("args");
        let common = args.and_then(|args| args.get("cni")?.get("labels"));
        let mesos = network_info(&self.config).and_then(|info| info.get("labels")?.get("labels"));
        let lists = [mesos, common].into_iter().flatten().filter_map(Value::as_array);
        lists.flatten().filter_map(label).collect()
    }
}

fn label(label: &Value) -> Option<(String, String)> {
    let text = |key| label.get(key).and_then(Value::as_str).map(str::to_owned);
    Some((text("key")?, text("value").unwrap_or_default()))
}

/// What Mesos's isolator says of the container.
fn network_info(config: &Object) -> Option<&Object> {
    config.get("args")?.get("org.apache.mesos")?.get("network_info")?.as_object()
}

/// Says in the common form what Mesos said in its own, to a delegate that declares the capability and was not told already:
/// `portMappings` goes to `runtimeConfig.portMappings`, `labels` to `args.cni.labels`.
pub(crate) fn translate_mesos(told: &mut Object) {
    let declares = |told: &Object, capability| {
        told.get("capabilities").and_then(|all| all.get(capability)) == Some(&Value::Bool(true))
    };
    let Some(info) = network_info(told) else { return };
    let mappings = info.get("port_mappings").and_then(Value::as_array).cloned();
    let labels = info.get("labels").and_then(|labels| labels.get("labels")).cloned();
    if let Some(mappings) = mappings.filter(|_| declares(told, "portMappings")) {
        let common: Vec<Value> = mappings.iter().map(mapping).collect();
        insert(told, &["runtimeConfig", "portMappings"], common.into());
    }
    if let Some(labels) = labels.filter(|_| declares(told, "labels")) {
        insert(told, &["args", "cni", "labels"], labels);
    }
}

/// `{"host_port": 8080, …}` as `{"hostPort": 8080, …}`. What is wrong in it is for the delegate to refuse.
fn mapping(mesos: &Value) -> Value {
    let protocol = mesos.get("protocol").and_then(Value::as_str).unwrap_or("tcp");
    json!({
        "hostPort": mesos.get("host_port"),
        "containerPort": mesos.get("container_port"),
        "protocol": protocol.to_ascii_lowercase(),
    })
}

/// Puts the value there unless something is there, or something else stands in the way.
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
