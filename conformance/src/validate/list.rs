//! The keys of a whole network configuration.

use cni_protocol::{SpecVersion, check_network};
use serde_json::{Map, Value};

use super::Check;

impl Check {
    pub(super) fn name(&mut self, config: &Map<String, Value>) {
        match config.get("name") {
            Some(Value::String(name)) => {
                if let Err(why) = check_network(name) {
                    self.error("name", why);
                }
            }
            _ => self.error("name", "it is missing; every network has a name"),
        }
    }

    /// Reports a single plugin in a version that has only lists.
    pub(super) fn alone(&mut self, version: SpecVersion) {
        if version >= SpecVersion::V1_0_0 {
            let why = "it is missing: since 1.0.0 a network configuration is a list; write \
                       {\"cniVersion\": …, \"name\": …, \"plugins\": [{…}]} to a file whose name \
                       ends with .conflist";
            self.warning("plugins", why);
        }
    }

    /// Checks the keys of a list of plugins.
    pub(super) fn list(&mut self, list: &Map<String, Value>, version: SpecVersion) {
        for key in ["disableCheck", "disableGC"] {
            match list.get(key) {
                None | Some(Value::Bool(_)) => {}
                // 0.4.0 calls it a string, and libcni reads both.
                Some(Value::String(text)) if text == "true" || text == "false" => {
                    if version >= SpecVersion::V1_0_0 {
                        self.warning(key, format!("since 1.0.0 it is a boolean: write {text}"));
                    }
                }
                Some(other) => {
                    self.error(key, format!("it is true or false, not {other}"));
                }
            }
        }
        match list.get("cniVersions") {
            None => {}
            Some(Value::Array(all)) if all.iter().all(Value::is_string) => {}
            Some(other) => {
                self.error("cniVersions", format!("it is a list of versions, not {other}"))
            }
        }
    }
}
