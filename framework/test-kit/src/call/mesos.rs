//! How the isolator of Mesos passes a configuration to a plugin.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, Write};
use std::process::Stdio;

use serde_json::{Map, Value, json};

use crate::temp_dir::TempDir;

/// Adds `args` to a configuration and sorts its keys.
pub(crate) fn config(
    mut config: Map<String, Value>,
    mut network_info: Value,
    network: &str,
) -> Value {
    if network_info.get("name").is_none() {
        network_info["name"] = network.into();
    }
    let args = config.entry("args").or_insert_with(|| json!({}));
    args["org.apache.mesos"] = json!({ "network_info": network_info });
    sorted(Value::Object(config))
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            let sorted_members: BTreeMap<_, _> =
                object.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(sorted_members.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

/// Returns an unlinked regular file with this content, positioned at the beginning.
pub(crate) fn regular_file(content: &[u8]) -> Stdio {
    let directory = TempDir::new();
    let path = directory.path().join("network.conf");
    let open = File::options().read(true).write(true).create_new(true).open(&path);
    let file = open.and_then(|mut file| {
        file.write_all(content)?;
        file.rewind()?;
        Ok(file)
    });
    file.unwrap_or_else(|error| panic!("can't write {}: {error}", path.display())).into()
}
