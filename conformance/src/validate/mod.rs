//! Checks a network configuration, or a list of plugins, before a runtime sees it.
//!
//! Whether a plugin would work is only seen by running it; here is what can be seen without a container: names, versions, keys,
//! whether the plugins are installed and speak the version, and whether they get what they are there for.

mod installed;
mod keys;
mod schema;

use std::fmt;
use std::path::PathBuf;

use cni_wrapper::{SpecVersion, check_network};
use serde::Serialize;
use serde_json::{Map, Value};

use installed::Installed;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Gravity {
    /// An ADD will fail, or not do what is configured.
    Error,
    /// It looks like a mistake.
    Warning,
}

/// Something to say about a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub gravity: Gravity,
    /// The path of the key, as in `plugins[1].chain`.
    pub key: String,
    /// What is wrong, and what to do.
    pub text: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gravity = match self.gravity {
            Gravity::Error => "error",
            Gravity::Warning => "warning",
        };
        write!(f, "{gravity}: {}: {}", self.key, self.text)
    }
}

/// What is checked, and what was found.
struct Check {
    installed: Installed,
    findings: Vec<Finding>,
}

/// Where a plugin stands.
#[derive(Clone, Copy)]
struct Place {
    /// No plugin comes before it, whose result it would get.
    is_first: bool,
    /// In a list that a runtime calls, which gives each what it declares.
    is_listed: bool,
}

const ALONE: Place = Place { is_first: true, is_listed: false };

/// All that is wrong with a configuration. `path`: the directories in which plugins are looked for; with none, they are not.
pub fn validate(document: &Value, path: &[PathBuf]) -> Vec<Finding> {
    let mut check = Check { installed: Installed::on(path), findings: Vec::new() };
    match document {
        Value::Object(config) => check.document(config),
        _ => check.error("the configuration", "it is no JSON object"),
    }
    check.findings
}

impl Check {
    fn say(&mut self, gravity: Gravity, key: impl Into<String>, text: impl Into<String>) {
        self.findings.push(Finding { gravity, key: key.into(), text: text.into() });
    }

    fn error(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.say(Gravity::Error, key, text);
    }

    fn warning(&mut self, key: impl Into<String>, text: impl Into<String>) {
        self.say(Gravity::Warning, key, text);
    }

    fn document(&mut self, config: &Map<String, Value>) {
        self.name(config);
        let version = self.version("cniVersion", config, SpecVersion::default());
        match config.get("plugins") {
            None => self.plugin("", config, version, ALONE),
            Some(Value::Array(plugins)) if !plugins.is_empty() => {
                self.unknown("", config, &keys::OF_LISTS);
                let place = Place { is_listed: true, ..ALONE };
                self.chain("plugins", plugins, version, place);
            }
            Some(_) => self.error("plugins", "a list of one plugin or more is expected"),
        }
    }

    fn name(&mut self, config: &Map<String, Value>) {
        match config.get("name") {
            Some(Value::String(name)) => {
                if let Err(why) = check_network(name) {
                    self.error("name", why);
                }
            }
            _ => self.error("name", "it is missing; a network has a name"),
        }
    }

    /// The version that stands there, or `otherwise`.
    fn version(
        &mut self,
        key: &str,
        config: &Map<String, Value>,
        otherwise: SpecVersion,
    ) -> SpecVersion {
        let Some(version) = config.get("cniVersion") else { return otherwise };
        let known = version.as_str().and_then(|text| text.parse().ok());
        known.unwrap_or_else(|| {
            self.error(key, format!("{version} is no version of CNI; these are: {}", versions()));
            otherwise
        })
    }

    fn chain(&mut self, at: &str, plugins: &[Value], version: SpecVersion, first: Place) {
        for (index, plugin) in plugins.iter().enumerate() {
            let at = format!("{at}[{index}]");
            let place = Place { is_first: first.is_first && index == 0, ..first };
            match plugin {
                Value::Object(plugin) => self.plugin(&at, plugin, version, place),
                other => self.error(at, format!("{other} is no plugin's configuration")),
            }
        }
    }

    fn plugin(
        &mut self,
        at: &str,
        plugin: &Map<String, Value>,
        version: SpecVersion,
        place: Place,
    ) {
        let Some(Value::String(kind)) = plugin.get("type") else {
            return self.error(below(at, "type"), "it is missing; it names the plugin");
        };
        if let Some(why) = self.installed.lacks(kind, version) {
            self.error(below(at, "type"), why);
        }
        let Some(schema) = schema::of(kind) else { return };
        for (key, text) in schema.violations(plugin) {
            self.error(if key.is_empty() { shown(at) } else { below(at, &key) }, text);
        }
        let known: Vec<&str> = schema.keys().chain(keys::OF_PLUGINS).collect();
        self.unknown(at, plugin, &known);
        if let Some(Value::Object(wrapper)) = plugin.get("wrapper") {
            self.unknown(&below(at, "wrapper"), wrapper, &keys::OF_WRAPPERS);
        }
        self.capabilities(at, plugin, &schema, place);
        self.delegates(at, plugin, version, place);
    }

    fn unknown(&mut self, at: &str, object: &Map<String, Value>, known: &[&str]) {
        for key in object.keys().filter(|key| !keys::is_free(key) && !known.contains(&key.as_str()))
        {
            let hint = match keys::nearest(key, known) {
                Some(near) => format!("; did you mean {near}?"),
                None => String::new(),
            };
            self.warning(below(at, key), format!("no such key is known{hint}"));
        }
    }

    /// A plugin of a runtime's list gets what it declares. Mesos has no lists, and tells its plugin anyway.
    fn capabilities(
        &mut self,
        at: &str,
        plugin: &Map<String, Value>,
        schema: &schema::Schema,
        place: Place,
    ) {
        let declared = plugin.get("capabilities").and_then(Value::as_object);
        for (name, _) in declared.into_iter().flatten() {
            if !keys::CAPABILITIES.contains(&name.as_str()) {
                let key = below(at, &format!("capabilities.{name}"));
                let known = keys::CAPABILITIES.join(", ");
                self.warning(key, format!("runtimes know no such capability; they know {known}"));
            }
        }
        for capability in schema.capabilities().filter(|_| place.is_listed) {
            let is_declared =
                declared.and_then(|all| all.get(capability)) == Some(&Value::Bool(true));
            let is_fixed = plugin.contains_key("runtimeConfig") || plugin.contains_key("args");
            if !is_declared && !is_fixed {
                let text = format!(
                    "add {{\"{capability}\": true}}, or the runtime says nothing of it to the plugin"
                );
                self.error(below(at, "capabilities"), text);
            }
        }
    }

    fn delegates(
        &mut self,
        at: &str,
        plugin: &Map<String, Value>,
        version: SpecVersion,
        place: Place,
    ) {
        let named = plugin.get("delegates").and_then(Value::as_object).into_iter().flatten();
        let named = named.map(|(name, value)| (format!("delegates.{name}"), value));
        let own = plugin.get("delegate").filter(|delegate| !delegate.is_null());
        let own = own.map(|value| ("delegate".to_owned(), value));
        let all: Vec<(String, &Value)> = own.into_iter().chain(named).collect();
        if all.is_empty() && place.is_first {
            let text =
                "it is missing, and no plugin comes before this one: nothing makes the network";
            self.error(below(at, "delegate"), text);
        }
        let place = Place { is_listed: false, ..place };
        for (key, delegate) in all {
            let key = below(at, &key);
            match delegate {
                Value::Object(delegate) => self.delegate(&key, delegate, version, place),
                Value::Array(chain) => {
                    // What hands results on speaks 0.4.0 at least.
                    self.chain(&key, chain, version.max(SpecVersion::V0_4_0), place);
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
        place: Place,
    ) {
        let version = self.version(&below(at, "cniVersion"), delegate, version);
        self.plugin(at, delegate, version, place);
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
