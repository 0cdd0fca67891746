//! The configuration that every verb needs: the delegates, and where selections are stored.

use std::path::PathBuf;

use cni_wrapper::{NamedDelegate, Object};
use indexmap::IndexMap;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

/// The plugin's own keys, except the rules.
///
/// [`Rules`](crate::rules::Rules) are read only where they are needed, since a mistake in them must
/// not keep DEL from its delegate.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    /// The delegates that `use` can name: a plugin's configuration each, or a list of them that
    /// runs as a chain.
    #[serde(default)]
    pub(crate) delegates: IndexMap<String, Value>,
    /// The delegate that `allow` uses, if there is one.
    pub(crate) delegate: Option<Value>,
    #[serde(default = "default_state_dir")]
    pub(crate) state_dir: PathBuf,
    /// The keys of [`Rules`](crate::rules::Rules) with any value, so that they are known keys.
    #[serde(default, rename = "rules")]
    _rules: IgnoredAny,
    #[serde(default, rename = "default")]
    _default: IgnoredAny,
}

fn default_state_dir() -> PathBuf {
    "/run/cni-label-policy".into()
}

/// The key of the delegate that `allow` uses.
pub(crate) const DELEGATE: &str = "delegate";

/// Returns the key of a named delegate.
pub(crate) fn key_of(name: &str) -> String {
    format!("delegates.{name}")
}

impl Config {
    /// Returns what a DEL needs that has an invalid configuration: where the selections are.
    pub(crate) fn for_cleanup(config: &Object) -> Self {
        let state_dir = config.get("stateDir").and_then(Value::as_str);
        Self {
            delegates: IndexMap::new(),
            delegate: None,
            state_dir: state_dir.map_or_else(default_state_dir, PathBuf::from),
            _rules: IgnoredAny,
            _default: IgnoredAny,
        }
    }

    /// Returns all delegates that can be selected, or none if there is only `delegate`.
    pub(crate) fn selectable(&self) -> Vec<NamedDelegate> {
        if self.delegates.is_empty() {
            return Vec::new();
        }
        let unnamed = self.delegate.iter().map(|delegate| (DELEGATE.to_owned(), delegate));
        let named = self.delegates.iter().map(|(name, delegate)| (key_of(name), delegate));
        let all = unnamed.chain(named);
        all.map(|(key, delegate)| NamedDelegate { key, delegate: delegate.clone() }).collect()
    }
}
