//! Checks a network configuration, or a list of plugins, before a runtime uses it.
//!
//! Whether a plugin works is only known by running it. Without a container these can be checked:
//! names, versions and keys, whether the plugins are installed and support the version, and whether
//! the runtime will send them the capability arguments that they need.

mod foreign;
mod installed;
mod keys;
mod list;
mod plugin;
mod schema;

use std::fmt;
use std::path::PathBuf;

use cni_protocol::SpecVersion;
use cni_protocol::keys::OF_LISTS;
use serde::Serialize;
use serde_json::{Map, Value};

use installed::Installed;

/// The level of a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// An ADD fails, or does not do what is configured.
    Error,
    /// It is probably a mistake.
    Warning,
}

/// A problem of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How severe it is.
    pub level: Level,
    /// The path of the key, as in `plugins[1].chain`.
    pub key: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Error => "error",
            Level::Warning => "warning",
        };
        write!(f, "{level}: {}: {}", self.key, self.message)
    }
}

/// The plugins that are installed, and the diagnostics so far.
struct Check {
    installed: Installed,
    diagnostics: Vec<Diagnostic>,
}

/// The position of a plugin in the configuration.
#[derive(Clone, Copy)]
struct Position {
    /// No plugin before it whose result it would receive.
    is_first: bool,
    /// In a list of a runtime, which sends each plugin the capability arguments that it declares.
    is_listed: bool,
}

const ALONE: Position = Position { is_first: true, is_listed: false };

/// Returns everything that is wrong with a configuration.
///
/// `path` are the directories of the plugins; if it is empty, the plugins are not checked.
pub fn validate(document: &Value, path: &[PathBuf]) -> Vec<Diagnostic> {
    let mut check = Check { installed: Installed::on(path), diagnostics: Vec::new() };
    match document {
        Value::Object(config) => check.document(config),
        _ => check.error("the configuration", "it is not a JSON object"),
    }
    check.diagnostics
}

impl Check {
    fn add(&mut self, level: Level, key: impl Into<String>, message: impl Into<String>) {
        self.diagnostics.push(Diagnostic { level, key: key.into(), message: message.into() });
    }

    fn error(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.add(Level::Error, key, message);
    }

    fn warning(&mut self, key: impl Into<String>, message: impl Into<String>) {
        self.add(Level::Warning, key, message);
    }

    fn document(&mut self, config: &Map<String, Value>) {
        self.name(config);
        let version = self.version("cniVersion", config, SpecVersion::default());
        match config.get("plugins") {
            None => {
                self.alone(version);
                self.plugin("", config, version, ALONE);
            }
            Some(Value::Array(plugins)) if !plugins.is_empty() => {
                self.unknown("", config, &OF_LISTS);
                self.list(config, version);
                let position = Position { is_listed: true, ..ALONE };
                self.chain("plugins", plugins, version, position);
            }
            Some(_) => self.error("plugins", "it must be a list of at least one plugin"),
        }
    }

    /// Returns the version of this object, or the default.
    fn version(
        &mut self,
        key: &str,
        config: &Map<String, Value>,
        default: SpecVersion,
    ) -> SpecVersion {
        let Some(version) = config.get("cniVersion") else { return default };
        let known = version.as_str().and_then(|text| text.parse().ok());
        known.unwrap_or_else(|| {
            self.error(
                key,
                format!("{version} is not a version of CNI; the versions are {}", versions()),
            );
            default
        })
    }

    fn chain(&mut self, at: &str, plugins: &[Value], version: SpecVersion, first: Position) {
        for (index, plugin) in plugins.iter().enumerate() {
            let at = format!("{at}[{index}]");
            let position = Position { is_first: first.is_first && index == 0, ..first };
            match plugin {
                Value::Object(plugin) => self.plugin(&at, plugin, version, position),
                other => self.error(at, format!("{other} is not the configuration of a plugin")),
            }
        }
    }

    fn plugin(
        &mut self,
        at: &str,
        plugin: &Map<String, Value>,
        version: SpecVersion,
        position: Position,
    ) {
        let Some(Value::String(kind)) = plugin.get("type") else {
            return self.error(below(at, "type"), "it is missing; it names the plugin");
        };
        if let Some(why) = self.installed.problem(kind, version) {
            self.error(below(at, "type"), why);
        }
        if kind == "bridge" {
            self.default_route(at, plugin);
        }
        self.ipam(at, plugin, version);
        let Some(schema) = schema::of(kind) else { return };
        self.keys(at, plugin, &schema);
        self.capabilities(at, plugin, &schema, position);
        self.delegates(at, plugin, version, position);
    }

    fn delegates(
        &mut self,
        at: &str,
        plugin: &Map<String, Value>,
        version: SpecVersion,
        position: Position,
    ) {
        let named = plugin.get("delegates").and_then(Value::as_object).into_iter().flatten();
        let named = named.map(|(name, value)| (format!("delegates.{name}"), value));
        let own = plugin.get("delegate").filter(|delegate| !delegate.is_null());
        let own = own.map(|value| ("delegate".to_owned(), value));
        let all: Vec<(String, &Value)> = own.into_iter().chain(named).collect();
        if all.is_empty() && position.is_first {
            let message = "it is missing, and no plugin precedes this one, so that none creates \
                           the interface";
            self.error(below(at, "delegate"), message);
        }
        let position = Position { is_listed: false, ..position };
        for (key, delegate) in all {
            let key = below(at, &key);
            match delegate {
                Value::Object(delegate) => self.delegate(&key, delegate, version, position),
                Value::Array(chain) => {
                    // A chain passes results on, which needs 0.4.0 or later.
                    self.chain(&key, chain, version.max(SpecVersion::V0_4_0), position);
                }
                _ => {}
            }
        }
    }

    fn delegate(
        &mut self,
        at: &str,
        delegate: &Map<String, Value>,
        version: SpecVersion,
        position: Position,
    ) {
        let version = self.version(&below(at, "cniVersion"), delegate, version);
        self.plugin(at, delegate, version, position);
    }
}

fn below(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}

fn shown(at: &str) -> String {
    if at.is_empty() { "the configuration".to_owned() } else { at.to_owned() }
}

fn versions() -> String {
    SpecVersion::ALL.map(|version| version.to_string()).join(", ")
}
