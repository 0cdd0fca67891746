//! The schemas of this repository's plugins, which the Debian package contains, too.

use boon::{Compiler, ErrorKind, Schemas, ValidationError};
use serde_json::{Map, Value};

use super::keys;

/// The `type` of each plugin and its schema, by links: the package must contain the files.
const ALL: [(&str, &str); 4] = [
    ("cni-guard", include_str!("../../schemas/cni-guard.json")),
    ("cni-label-policy", include_str!("../../schemas/cni-label-policy.json")),
    ("cni-trace", include_str!("../../schemas/cni-trace.json")),
    ("mesos-cni-port-mapper", include_str!("../../schemas/mesos-cni-port-mapper.json")),
];

/// The schema of the toolkit's own keys, below `wrapper`.
const OF_WRAPPER: &str = include_str!("../../schemas/wrapper.json");

pub(super) struct Schema(Value);

/// Returns the schema of a plugin of this repository.
pub(super) fn of(kind: &str) -> Option<Schema> {
    let (_, text) = ALL.into_iter().find(|(name, _)| *name == kind)?;
    serde_json::from_str(text).ok().map(Schema)
}

/// Returns the schema of the keys below `wrapper`.
pub(super) fn of_wrapper() -> Schema {
    // A test reads it.
    Schema(serde_json::from_str(OF_WRAPPER).unwrap_or_default())
}

/// Returns whether a configuration has the key at a path such as `guard.cap`.
pub(super) fn contains(config: &Map<String, Value>, path: &str) -> bool {
    let mut keys = path.split('.');
    let first = keys.next().and_then(|key| config.get(key));
    keys.fold(first, |value, key| value?.get(key)).is_some()
}

impl Schema {
    /// Returns the keys of other plugins that this one refuses, each with the reason.
    pub(super) fn refused(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0["properties"].as_object().into_iter().flatten();
        all.filter_map(|(key, schema)| Some((key.as_str(), schema["x-refused"].as_str()?)))
    }

    /// Returns old and new paths of the keys that were renamed, from the root of a plugin's object.
    pub(super) fn renamed(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0["x-renamed"].as_object().into_iter().flatten();
        all.filter_map(|(old, new)| Some((old.as_str(), new.as_str()?)))
    }

    /// Returns the plugin's own keys.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str)
    }

    /// Returns the capabilities that the plugin needs to have any effect.
    pub(super) fn capabilities(&self) -> impl Iterator<Item = &str> {
        self.0["x-capabilities"].as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    /// Returns the violations: the path of each key, and the problem.
    pub(super) fn violations(&self, plugin: &Map<String, Value>) -> Vec<(String, String)> {
        const NAME: &str = "plugin.json";
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        let plugin = Value::Object(plugin.clone());
        // The tests compile every schema, so neither fails.
        let compiled = match compiler.add_resource(NAME, self.0.clone()) {
            Ok(()) => compiler.compile(NAME, &mut schemas),
            Err(error) => Err(error),
        };
        match compiled {
            Err(error) => vec![(String::new(), error.to_string())],
            Ok(index) => schemas
                .validate(&plugin, index)
                .err()
                .map_or_else(Vec::new, |error| leaves(&error, &self.0)),
        }
    }
}

/// Returns the innermost errors; if no alternative matches, those of each alternative.
fn leaves(error: &ValidationError<'_, '_>, schema: &Value) -> Vec<(String, String)> {
    if error.causes.is_empty() {
        return violations(error, schema);
    }
    let mut all: Vec<_> = error.causes.iter().flat_map(|cause| leaves(cause, schema)).collect();
    all.dedup();
    all
}

fn violations(error: &ValidationError<'_, '_>, schema: &Value) -> Vec<(String, String)> {
    let at = path(&error.instance_location.to_string());
    let pointer = error.schema_url.split_once('#').map_or("", |(_, pointer)| pointer);
    let violated = schema.pointer(pointer).unwrap_or(&Value::Null);
    match &error.kind {
        ErrorKind::AdditionalProperties { got } => {
            let known = violated["properties"].as_object().into_iter().flat_map(Map::keys);
            let known: Vec<&str> = known.map(String::as_str).collect();
            let below =
                |key: &str| if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") };
            got.iter().map(|key| (below(key), keys::unknown(key, &known))).collect()
        }
        // A pattern is not for people.
        ErrorKind::Pattern { .. } | ErrorKind::Not if violated["description"].is_string() => {
            let description = violated["description"].as_str().unwrap_or_default();
            vec![(at, format!("the value does not fit: {description}"))]
        }
        kind => vec![(at, kind.to_string())],
    }
}

/// Converts a JSON pointer: `/rules/0/when` becomes `rules[0].when`.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if part.parse::<usize>().is_ok() {
            path.push_str(&format!("[{part}]"));
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(&part);
        }
    }
    path
}
