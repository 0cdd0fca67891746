//! What every verb needs of the configuration: the delegates, and where choices are noted.

use std::path::PathBuf;

use cni_wrapper::NamedDelegate;
use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::Value;

/// A mistake in the rules must not keep DEL from its delegate: they are read where they are needed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Config {
    /// What `use` can name: a plugin object each, or a list of them that is run as a chain.
    #[serde(default)]
    pub(crate) delegates: IndexMap<String, Value>,
    /// What `allow` goes on with, if anything.
    pub(crate) delegate: Option<Value>,
    #[serde(default = "default_state_dir")]
    pub(crate) state_dir: PathBuf,
}

fn default_state_dir() -> PathBuf {
    "/run/cni-label-policy".into()
}

/// The key of the delegate that `allow` goes on with.
pub(crate) const OWN: &str = "delegate";

/// The key of a named delegate.
pub(crate) fn key_of(name: &str) -> String {
    format!("delegates.{name}")
}

impl Config {
    /// Every path that an ADD can take; none where there is but one.
    pub(crate) fn candidates(&self) -> Vec<NamedDelegate> {
        if self.delegates.is_empty() {
            return Vec::new();
        }
        let own = self.delegate.iter().map(|delegate| (OWN.to_owned(), delegate));
        let named = self.delegates.iter().map(|(name, delegate)| (key_of(name), delegate));
        let all = own.chain(named);
        all.map(|(key, delegate)| NamedDelegate { key, delegate: delegate.clone() }).collect()
    }
}
