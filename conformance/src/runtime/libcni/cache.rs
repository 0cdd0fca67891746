//! The cache of libcni: a file for each attachment.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::go_json;
use super::network::Network;
use super::result::CachedResult;
use crate::runtime::runtime_conf::RuntimeConf;

const KIND: &str = "cniCacheV1";

/// The contents of a cache file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cached {
    kind: String,
    container_id: String,
    /// The complete configuration, in base64.
    config: String,
    if_name: String,
    network_name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    netns: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cni_args: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    capability_args: Map<String, Value>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    result: Map<String, Value>,
}

impl Cached {
    fn new(network: &Network, conf: &RuntimeConf, result: Map<String, Value>) -> Self {
        Self {
            kind: KIND.to_owned(),
            container_id: conf.id.clone(),
            config: STANDARD.encode(&network.bytes),
            if_name: conf.ifname.clone(),
            network_name: network.name.clone(),
            netns: conf.netns.clone(),
            cni_args: conf.args.clone(),
            capability_args: conf.capability_args.clone(),
            result,
        }
    }

    /// Returns the text of the file after an ADD with this result.
    pub fn print(network: &Network, conf: &RuntimeConf, result: &CachedResult) -> String {
        let sort = |value: Value| go_json::through_map(value.clone(), true).unwrap_or(value);
        let object = |value: Value| match sort(value) {
            Value::Object(object) => object,
            _ => Map::new(),
        };
        let mut cached = Self::new(network, conf, object(result.document().clone()));
        cached.capability_args = object(conf.capability_args.clone().into());
        go_json::print(&serde_json::to_value(cached).unwrap_or_default())
    }

    /// Parses the text of a file; `None` if it is not a cache file.
    fn read(text: &str) -> Option<Self> {
        let cached: Self = serde_json::from_str(text).ok()?;
        (cached.kind == KIND).then_some(cached)
    }

    /// Returns the parameters of the attachment.
    pub fn conf(&self) -> RuntimeConf {
        RuntimeConf {
            id: self.container_id.clone(),
            netns: self.netns.clone(),
            ifname: self.if_name.clone(),
            args: self.cni_args.clone(),
            capability_args: self.capability_args.clone(),
        }
    }

    /// Returns the name of the network.
    pub fn network(&self) -> &str {
        &self.network_name
    }
}

/// A directory of cache files.
#[derive(Clone, Debug)]
pub struct Cache {
    directory: PathBuf,
}

impl Cache {
    /// Returns the cache in this directory, normally `/var/lib/cni`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into() }
    }

    /// Returns the path of an attachment's file. Since the three names are joined by `-`, two
    /// attachments can have the same file.
    ///
    /// # Errors
    /// If one of the names is empty.
    pub fn path(&self, network: &str, conf: &RuntimeConf) -> Result<PathBuf, String> {
        let RuntimeConf { id, ifname, .. } = conf;
        if [network, id, ifname].iter().any(|name| name.is_empty()) {
            return Err(format!(
                "cache file path requires network name ({network:?}), container ID ({id:?}), and \
                 interface name \
                 ({ifname:?})"
            ));
        }
        Ok(self.results().join(format!("{network}-{id}-{ifname}")))
    }

    /// Writes the file of an attachment.
    pub(super) fn store(
        &self,
        network: &Network,
        conf: &RuntimeConf,
        result: &CachedResult,
    ) -> Result<(), String> {
        let path = self.path(&network.name, conf)?;
        let text = Cached::print(network, conf, result);
        let created = DirBuilder::new().recursive(true).mode(0o700).create(self.results());
        let mut options = OpenOptions::new();
        let options = options.write(true).create(true).truncate(true).mode(0o600);
        let written = created.and_then(|()| options.open(&path)?.write_all(text.as_bytes()));
        written.map_err(|error| format!("{}: {error}", path.display()))
    }

    /// Returns the result of an attachment; `None` if it is not cached.
    pub(super) fn result(
        &self,
        network: &Network,
        conf: &RuntimeConf,
    ) -> Result<Option<CachedResult>, String> {
        let path = self.path(&network.name, conf)?;
        let Ok(text) = fs::read_to_string(&path) else { return Ok(None) };
        let result = match Cached::read(&text) {
            Some(cached) => cached.result.into(),
            // Old versions of libcni stored only the result.
            None => serde_json::from_str(&text).map_err(|error| error.to_string())?,
        };
        CachedResult::read(result).map(Some)
    }

    /// Returns the cached parameters of an attachment.
    pub(super) fn conf(&self, network: &str, conf: &RuntimeConf) -> Option<RuntimeConf> {
        let text = fs::read_to_string(self.path(network, conf).ok()?).ok()?;
        Cached::read(&text).map(|cached| cached.conf())
    }

    /// Removes the file of an attachment. Errors are ignored.
    pub(super) fn forget(&self, network: &str, conf: &RuntimeConf) {
        if let Ok(path) = self.path(network, conf) {
            let _ = fs::remove_file(path);
        }
    }

    /// Returns all attachments, in the order of their file names. Other files are skipped.
    ///
    /// # Errors
    /// If the directory cannot be read.
    pub fn attachments(&self) -> Result<Vec<Cached>, String> {
        let directory = self.results();
        let entries = fs::read_dir(&directory)
            .map_err(|error| format!("cannot read {}: {error}", directory.display()))?;
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.sort();
        let read = |path: &PathBuf| Cached::read(&fs::read_to_string(path).ok()?);
        let named = |one: &Cached| !one.if_name.is_empty() && !one.network_name.is_empty();
        Ok(paths.iter().filter_map(read).filter(named).collect())
    }

    fn results(&self) -> PathBuf {
        self.directory.join("results")
    }
}
