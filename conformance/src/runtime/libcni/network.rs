//! A network configuration, as libcni reads it.

use serde_json::{Map, Value, json};

use super::quirk::{Quirk, Quirks};
use super::{go_json, version};

/// A network configuration: a list of plugins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Network {
    /// The name of the network.
    pub name: String,
    /// The version of all calls. It may be empty (0.1.0) or unknown.
    pub version: String,
    /// Whether CHECK does nothing.
    pub disable_check: bool,
    /// Whether GC does nothing.
    pub disable_gc: bool,
    /// Whether fragments next to the list are ignored.
    pub only_inlined: bool,
    /// The plugins' objects, in the order of ADD.
    pub plugins: Vec<Map<String, Value>>,
    /// The text that it was read from, for the cache.
    pub bytes: Vec<u8>,
}

impl Network {
    /// Parses a list.
    ///
    /// # Errors
    /// The error message of libcni. A list may lack `plugins` if its plugins are in fragments.
    pub fn parse_list(bytes: &[u8], quirks: &Quirks) -> Result<Self, String> {
        parse_list(bytes, quirks)
            .map_err(|problem| format!("error parsing configuration list: {problem}"))
    }

    /// Parses the configuration of a single plugin, which becomes a list of one.
    ///
    /// # Errors
    /// The error message of libcni.
    pub fn parse_single(bytes: &[u8], quirks: &Quirks) -> Result<Self, String> {
        let floats = quirks.has(Quirk::RoundsNumbers);
        let plugin = plugin_from(bytes, floats)?;
        let key = |key: &str| plugin.get(key).cloned().unwrap_or_else(|| "".into());
        let list = json!({
            "cniVersion": key("cniVersion"), "name": key("name"), "plugins": [plugin],
        });
        Self::parse_list(go_json::print(&list).as_bytes(), quirks)
    }
}

/// Parses the object of one plugin.
pub(super) fn plugin_from(bytes: &[u8], floats: bool) -> Result<Map<String, Value>, String> {
    let wrong = |problem: &str| format!("error parsing configuration: {problem}");
    let value: Value = serde_json::from_slice(bytes).map_err(|error| wrong(&error.to_string()))?;
    plugin(value, floats).map_err(|problem| wrong(&problem))
}

fn plugin(value: Value, floats: bool) -> Result<Map<String, Value>, String> {
    let Value::Object(plugin) = go_json::through_map(value, floats)? else {
        return Err("a plugin's configuration must be an object".to_owned());
    };
    for key in ["name", "cniVersion", "type"] {
        if plugin.get(key).is_some_and(|value| !value.is_string() && !value.is_null()) {
            return Err(format!("{key} is not a string"));
        }
    }
    if plugin.get("type").and_then(Value::as_str).unwrap_or_default().is_empty() {
        return Err("missing 'type'".to_owned());
    }
    match plugin.get("capabilities") {
        None | Some(Value::Null) => (),
        Some(Value::Object(all)) if all.values().all(Value::is_boolean) => (),
        Some(_) => return Err("capabilities is not a map of booleans".to_owned()),
    }
    Ok(plugin)
}

fn parse_list(bytes: &[u8], quirks: &Quirks) -> Result<Network, String> {
    let list: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let name = match list.get("name") {
        None => return Err("no name".to_owned()),
        Some(Value::String(name)) => name.clone(),
        Some(other) => return Err(format!("invalid name type: {other}")),
    };
    let version = match list.get("cniVersion") {
        None => "",
        Some(Value::String(version)) => version,
        Some(other) => return Err(format!("invalid cniVersion type: {other}")),
    };
    let only_inlined = boolean(&list, "loadOnlyInlinedPlugins")?;
    Ok(Network {
        name,
        version: version::chosen(version, versions(&list)?.as_deref())?,
        disable_check: boolean(&list, "disableCheck")?,
        disable_gc: boolean(&list, "disableGC")?,
        only_inlined,
        plugins: plugins(&list, only_inlined, quirks.has(Quirk::RoundsNumbers))?,
        bytes: bytes.to_vec(),
    })
}

fn versions(list: &Map<String, Value>) -> Result<Option<Vec<String>>, String> {
    let Some(versions) = list.get("cniVersions") else { return Ok(None) };
    let invalid = || "cniVersions is not a list of strings".to_owned();
    let versions = versions.as_array().ok_or_else(invalid)?;
    let texts =
        versions.iter().map(|version| version.as_str().map(str::to_owned).ok_or_else(invalid));
    texts.collect::<Result<_, _>>().map(Some)
}

/// Reads a boolean, also from the strings `true` and `false`.
fn boolean(list: &Map<String, Value>, key: &str) -> Result<bool, String> {
    match list.get(key) {
        None => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
        Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
        Some(other) => Err(format!("invalid value {other} for {key}")),
    }
}

fn plugins(
    list: &Map<String, Value>,
    only_inlined: bool,
    floats: bool,
) -> Result<Vec<Map<String, Value>>, String> {
    match list.get("plugins") {
        None if only_inlined => {
            Err("`loadOnlyInlinedPlugins` is true, and no 'plugins' key".to_owned())
        }
        None => Ok(Vec::new()),
        Some(Value::Array(plugins)) if plugins.is_empty() => Err("no plugins in list".to_owned()),
        Some(Value::Array(plugins)) => {
            let read = |(index, value): (usize, &Value)| {
                plugin(value.clone(), floats)
                    .map_err(|problem| format!("failed to parse plugin config {index}: {problem}"))
            };
            plugins.iter().enumerate().map(read).collect()
        }
        Some(_) => Err("invalid 'plugins' type".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(text: &str) -> Result<Network, String> {
        Network::parse_list(text.as_bytes(), &Quirks::all())
    }

    #[test]
    fn errors_in_a_list_are_reported() {
        for (text, part) in [
            ("[]", "error parsing configuration list"),
            ("{}", "no name"),
            (r#"{"name": 1}"#, "invalid name type"),
            (r#"{"name": "n", "cniVersion": 1}"#, "invalid cniVersion type"),
            (r#"{"name": "n", "cniVersions": "1.0.0"}"#, "not a list of strings"),
            (r#"{"name": "n", "cniVersions": ["x"]}"#, "invalid version"),
            (r#"{"name": "n", "plugins": []}"#, "no plugins in list"),
            (r#"{"name": "n", "plugins": [{}]}"#, "plugin config 0: missing 'type'"),
            (
                r#"{"name": "n", "plugins": [{"type": "t", "capabilities": {"a": 1}}]}"#,
                "capabilities",
            ),
            (r#"{"name": "n", "loadOnlyInlinedPlugins": true}"#, "no 'plugins' key"),
            (r#"{"name": "n", "disableCheck": "yes", "plugins": [{"type": "t"}]}"#, "disableCheck"),
        ] {
            let problem = list(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }

    #[test]
    fn strings_are_accepted_as_booleans() {
        let network = list(
            r#"{"name": "n", "disableGC": "TRUE", "disableCheck": "false",
                "plugins": [{"type": "t"}]}"#,
        );
        let network = network.unwrap();
        assert!(network.disable_gc && !network.disable_check);
    }

    #[test]
    fn a_single_plugin_becomes_a_list_of_one() {
        let text = br#"{"type": "t", "name": "n", "cniVersion": "0.4.0", "x": 1}"#;
        let network = Network::parse_single(text, &Quirks::all()).unwrap();
        assert_eq!((network.name.as_str(), network.version.as_str()), ("n", "0.4.0"));
        assert_eq!(network.plugins[0]["x"], 1);
        let bytes = String::from_utf8(network.bytes).unwrap();
        assert_eq!(
            bytes,
            concat!(
                r#"{"cniVersion":"0.4.0","name":"n","#,
                r#""plugins":[{"cniVersion":"0.4.0","name":"n","type":"t","x":1}]}"#,
            )
        );
    }
}
