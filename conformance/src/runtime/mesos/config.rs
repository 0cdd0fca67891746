//! Which network configurations Mesos takes.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// Reads a file: the configuration of a single plugin.
///
/// # Errors
/// Why Mesos skips it, a list of plugins above all.
pub fn read(file: &Path) -> Result<Map<String, Value>, String> {
    let text = fs::read_to_string(file);
    let text = text.map_err(|error| format!("can't read {}: {error}", file.display()))?;
    parse(&text).map_err(|problem| format!("{}: {problem}", file.display()))
}

/// Reads a configuration.
///
/// # Errors
/// Why Mesos does not take it.
pub fn parse(text: &str) -> Result<Map<String, Value>, String> {
    let config: Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("JSON parse failed: {error}"))?;
    for key in ["name", "type"] {
        needed(&config, key, key)?;
    }
    match config.get("ipam") {
        None | Some(Value::Null) => (),
        Some(Value::Object(ipam)) => {
            needed(ipam, "type", "ipam.type")?;
            let routes = ipam.get("routes").and_then(Value::as_array).into_iter().flatten();
            for (index, route) in routes.enumerate() {
                let route = route.as_object().cloned().unwrap_or_default();
                needed(&route, "dst", &format!("ipam.routes[{index}].dst"))?;
            }
        }
        Some(_) => return Err("'ipam' is no object".to_owned()),
    }
    Ok(config)
}

fn needed(object: &Map<String, Value>, key: &str, path: &str) -> Result<(), String> {
    match object.get(key) {
        Some(Value::String(_)) => Ok(()),
        None | Some(Value::Null) if object.contains_key("plugins") => Err(format!(
            "Missing required fields: {path} (Mesos runs no lists of plugins: put one plugin around the other by `delegate`)"
        )),
        None | Some(Value::Null) => Err(format!("Missing required fields: {path}")),
        Some(other) => Err(format!("{path} is no string: {other}")),
    }
}

/// Looks for a network by its name: every file of the directory counts, whatever it is called, and those that can't be taken
/// are skipped. The plugins that a configuration names have to be there (`is_there`).
///
/// # Errors
/// When there is none, with what was skipped.
pub fn named(
    directory: &Path,
    name: &str,
    is_there: &dyn Fn(&str) -> bool,
) -> Result<Map<String, Value>, String> {
    let entries = fs::read_dir(directory)
        .map_err(|error| format!("can't read {}: {error}", directory.display()))?;
    let files = entries.flatten().map(|entry| entry.path()).filter(|path| !path.is_dir());
    let mut skipped = Vec::new();
    for file in files.collect::<Vec<PathBuf>>() {
        match read(&file).and_then(|config| with_plugins(config, is_there)) {
            Ok(config) if config.get("name").and_then(Value::as_str) == Some(name) => {
                return Ok(config);
            }
            Ok(_) => (),
            Err(problem) => skipped.push(format!("\n  skipped: {problem}")),
        }
    }
    Err(format!("Unknown CNI network '{name}' in {}{}", directory.display(), skipped.concat()))
}

fn with_plugins(
    config: Map<String, Value>,
    is_there: &dyn Fn(&str) -> bool,
) -> Result<Map<String, Value>, String> {
    let ipam = config.get("ipam").and_then(|ipam| ipam.get("type"));
    let types = [config.get("type"), ipam].into_iter().flatten().filter_map(Value::as_str);
    let mut missing = types.filter(|name| !is_there(name));
    match missing.next() {
        Some(missing) => Err(format!("failed to find CNI plugin '{missing}'")),
        None => Ok(config.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cni_test_kit::TempDir;

    #[test]
    fn lists_are_not_taken() {
        let problem = parse(r#"{"name": "n", "plugins": [{"type": "t"}]}"#).unwrap_err();
        assert!(
            problem.contains("Missing required fields: type") && problem.contains("delegate"),
            "{problem}"
        );
        assert!(
            parse(r#"{"name": "n", "type": "t", "ipam": {}}"#).unwrap_err().contains("ipam.type")
        );
        assert!(
            parse(r#"{"name": "n", "type": "t", "ipam": {"type": "x", "routes": [{}]}}"#).is_err()
        );
        assert!(parse(r#"{"name": "n", "type": "t", "delegate": 1}"#).is_ok(), "not its business");
    }

    #[test]
    fn a_network_is_found_in_any_file_and_others_are_skipped() {
        let scratch = TempDir::new();
        let write = |name: &str, text: &str| fs::write(scratch.path().join(name), text).unwrap();
        write("any name", r#"{"name": "net", "type": "t", "ipam": {"type": "i"}}"#);
        write("list", r#"{"name": "other", "plugins": []}"#);
        let there = |name: &str| name != "missing";
        assert_eq!(named(scratch.path(), "net", &there).unwrap()["type"], "t");
        let problem = named(scratch.path(), "other", &there).unwrap_err();
        assert!(
            problem.contains("Unknown CNI network 'other'") && problem.contains("skipped"),
            "{problem}"
        );
        let problem = named(scratch.path(), "net", &|name| name != "i").unwrap_err();
        assert!(problem.contains("failed to find CNI plugin 'i'"), "{problem}");
    }
}
