//! The keys of the object of one plugin.

use cni_protocol::SpecVersion;
use cni_protocol::keys::{OF_PLUGINS, is_free};
use cni_protocol::reference::doubled_default_route;
use serde_json::{Map, Value};

use super::{Check, Position, below, foreign, keys, schema, shown};

impl Check {
    /// Checks that the IPAM plugin is installed.
    pub(super) fn ipam(&mut self, at: &str, plugin: &Map<String, Value>, version: SpecVersion) {
        let kind = plugin.get("ipam").and_then(|ipam| ipam.get("type")).and_then(Value::as_str);
        // `bridge` assigns no addresses if the name is empty.
        let Some(kind) = kind.filter(|kind| !kind.is_empty()) else { return };
        if let Some(why) = self.installed.problem(kind, version) {
            self.error(below(at, "ipam.type"), why);
        }
    }

    pub(super) fn default_route(&mut self, at: &str, bridge: &Map<String, Value>) {
        let Some(route) = doubled_default_route(bridge) else { return };
        let why = format!(
            "\"isDefaultGateway\" adds the default route, and so does {route}: the plugin fails \
             with \"file exists\"; remove one of them"
        );
        self.error(below(at, "ipam.routes"), why);
    }

    /// Checks the keys of a plugin of this repository.
    pub(super) fn keys(&mut self, at: &str, plugin: &Map<String, Value>, schema: &schema::Schema) {
        for (key, text) in schema.violations(plugin) {
            self.error(if key.is_empty() { shown(at) } else { below(at, &key) }, text);
        }
        let is_set = |key: &str| plugin.get(key).is_some_and(|value| !value.is_null());
        for (key, why) in schema.refused().filter(|(key, _)| is_set(key)) {
            self.error(below(at, key), why);
        }
        let renamed = self.renamed(at, plugin, schema);
        let known = schema.keys().chain(OF_PLUGINS).chain([keys::OF_TOOLKIT]);
        let known: Vec<&str> = known.chain(renamed.iter().map(String::as_str)).collect();
        self.of_others(at, plugin, schema);
        let of_others = foreign::keys(plugin).filter(|(key, _)| !known.contains(key));
        let known: Vec<&str> = known.iter().copied().chain(of_others.map(|(key, _)| key)).collect();
        self.unknown(at, plugin, &known);
    }

    /// Reports keys that other plugins read and this one does not: they have no effect here.
    pub(super) fn of_others(
        &mut self,
        at: &str,
        plugin: &Map<String, Value>,
        schema: &schema::Schema,
    ) {
        let own: Vec<&str> = schema.keys().collect();
        let kind = plugin.get("type").and_then(Value::as_str).unwrap_or_default();
        let place = match plugin.get("delegate") {
            Some(_) => "to its place in `delegate`",
            None => "to the object of that plugin",
        };
        for (key, reader) in foreign::keys(plugin).filter(|(key, _)| !own.contains(key)) {
            let why = format!("{kind} does not read it; {reader} does: move it {place}");
            self.warning(below(at, key), why);
        }
    }

    /// Reports keys that were renamed, which the plugin refuses. Returns those at the top.
    pub(super) fn renamed(
        &mut self,
        at: &str,
        plugin: &Map<String, Value>,
        schema: &schema::Schema,
    ) -> Vec<String> {
        let toolkit = schema::of_wrapper();
        let all = schema.renamed().chain(toolkit.renamed());
        let used = all.filter(|(old, _)| schema::contains(plugin, old));
        used.map(|(old, new)| {
            self.error(below(at, old), format!("this key was renamed to {new}"));
            old.to_owned()
        })
        .collect()
    }

    pub(super) fn unknown(&mut self, at: &str, object: &Map<String, Value>, known: &[&str]) {
        for key in object.keys().filter(|key| !is_free(key) && !known.contains(&key.as_str())) {
            self.warning(below(at, key), keys::unknown(key, known));
        }
    }

    /// Checks the capabilities that a plugin in a list declares. Mesos has no lists, and sends port
    /// mappings and labels without them.
    pub(super) fn capabilities(
        &mut self,
        at: &str,
        plugin: &Map<String, Value>,
        schema: &schema::Schema,
        position: Position,
    ) {
        let declared = plugin.get("capabilities").and_then(Value::as_object);
        for (name, _) in declared.into_iter().flatten() {
            if !keys::CAPABILITIES.contains(&name.as_str()) {
                let key = below(at, &format!("capabilities.{name}"));
                let known = keys::CAPABILITIES.join(", ");
                self.warning(
                    key,
                    format!("it is not a capability that runtimes know; they know {known}"),
                );
            }
        }
        for capability in schema.capabilities().filter(|_| position.is_listed) {
            let is_declared =
                declared.and_then(|all| all.get(capability)) == Some(&Value::Bool(true));
            let is_fixed = plugin.contains_key("runtimeConfig") || plugin.contains_key("args");
            if !is_declared && !is_fixed {
                let message = format!(
                    "add {{\"{capability}\": true}}, or the runtime does not send it to the plugin"
                );
                self.error(below(at, "capabilities"), message);
            }
        }
    }
}
