//! The network configurations that Mesos accepts.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

/// Reads a file with the configuration of a single plugin.
///
/// # Errors
/// Why Mesos skips the file, for example because it is a list of plugins.
pub fn read(file: &Path) -> Result<Map<String, Value>, String> {
    let text = fs::read_to_string(file);
    let text = text.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    parse(&text).map_err(|problem| format!("{}: {problem}", file.display()))
}

/// Parses a configuration.
///
/// # Errors
/// Why Mesos does not accept it.
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
        Some(_) => return Err("'ipam' is not an object".to_owned()),
    }
    Ok(config)
}

fn needed(object: &Map<String, Value>, key: &str, path: &str) -> Result<(), String> {
    match object.get(key) {
        Some(Value::String(_)) => Ok(()),
        None | Some(Value::Null) if object.contains_key("plugins") => Err(format!(
            "Missing required fields: {path} (Mesos does not support lists of plugins; \
             use `delegate`)"
        )),
        None | Some(Value::Null) => Err(format!("Missing required fields: {path}")),
        Some(other) => Err(format!("{path} is not a string: {other}")),
    }
}

/// Finds a network by its name in all files of a directory, whatever their names. Files that are
/// not accepted are skipped, and so are configurations whose plugins do not exist (`exists`).
///
/// # Errors
/// If there is none, with the skipped files.
pub fn named(
    directory: &Path,
    name: &str,
    exists: &dyn Fn(&str) -> bool,
) -> Result<Map<String, Value>, String> {
    let entries = fs::read_dir(directory)
        .map_err(|error| format!("cannot read {}: {error}", directory.display()))?;
    let files = entries.flatten().map(|entry| entry.path()).filter(|path| !path.is_dir());
    let mut skipped = Vec::new();
    for file in files.collect::<Vec<PathBuf>>() {
        match read(&file).and_then(|config| with_plugins(config, exists)) {
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
    exists: &dyn Fn(&str) -> bool,
) -> Result<Map<String, Value>, String> {
    let ipam = config.get("ipam").and_then(|ipam| ipam.get("type"));
    let types = [config.get("type"), ipam].into_iter().flatten().filter_map(Value::as_str);
    let mut missing = types.filter(|name| !exists(name));
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
    fn lists_are_not_accepted() {
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
