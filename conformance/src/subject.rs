//! The plugin under test, and what it has to be given.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::profile::Profile;

/// Where plugins are usually installed; a bare name is looked for there.
const PLUGIN_DIRECTORIES: [&str; 3] = ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

/// A plugin under test.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The program.
    pub plugin: PathBuf,
    /// What kind of plugin it is.
    pub profile: Profile,
    /// The plugin's object in a network configuration, without `name` and `cniVersion`; `type` may be left out.
    /// `{number}` in a text stands for a number that each attachment has for itself; alone it becomes that number.
    pub config: Map<String, Value>,
    /// The only name that its interface can have, such as `lo`.
    pub ifname: Option<String>,
    /// What the runtime gives for the capabilities that the plugin declares.
    pub runtime_config: Map<String, Value>,
    /// A shell script that makes ready the host, before every case: links that the plugin builds upon and the like.
    pub prepare: Option<String>,
    /// A shell script that makes ready each container.
    pub prepare_container: Option<String>,
    /// Options of the configuration, changed as an operator might between ADD and DEL.
    pub changed: Map<String, Value>,
    /// Options that make ADD fail half way, for what has to be undone then.
    pub failing: Map<String, Value>,
    /// Options with which few addresses are left to give: an IPAM plugin runs out of them soon.
    pub tight: Map<String, Value>,
    /// Options with which the plugin waits a second at most for its delegate.
    pub hasty: Map<String, Value>,
    /// A shell script, run on the host, that undoes a part of what ADD has made, which CHECK has to notice; `$NETNS` is the
    /// container as `ip -n` names it, `$IFNAME` its interface, `$NUMBER` the attachment's number.
    pub spoil: Option<String>,
    /// A shell script that breaks on the host what the plugin needs.
    pub unready: Option<String>,
    /// Members of a result, such as `interfaces`, that the plugin is there to change.
    pub changes: Vec<String>,
    /// Deviations that are known, with the reason.
    pub known: BTreeMap<String, String>,
    /// Deviations that are known and show only by chance, since calls race with each other, with the reason.
    pub sometimes: BTreeMap<String, String>,
}

/// A subject as it stands in a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SubjectFile {
    plugin: PathBuf,
    profile: String,
    #[serde(default)]
    config: Map<String, Value>,
    ifname: Option<String>,
    #[serde(default)]
    runtime_config: Map<String, Value>,
    prepare: Option<String>,
    prepare_container: Option<String>,
    #[serde(default)]
    changed: Map<String, Value>,
    #[serde(default)]
    failing: Map<String, Value>,
    #[serde(default)]
    tight: Map<String, Value>,
    #[serde(default)]
    hasty: Map<String, Value>,
    spoil: Option<String>,
    unready: Option<String>,
    #[serde(default)]
    changes: Vec<String>,
    #[serde(default)]
    known: BTreeMap<String, String>,
    #[serde(default)]
    sometimes: BTreeMap<String, String>,
}

impl Subject {
    /// A plugin with nothing but its configuration.
    pub fn new(plugin: impl Into<PathBuf>, profile: Profile, config: Map<String, Value>) -> Self {
        Self {
            plugin: plugin.into(),
            profile,
            config,
            ifname: None,
            runtime_config: Map::new(),
            prepare: None,
            prepare_container: None,
            changed: Map::new(),
            failing: Map::new(),
            tight: Map::new(),
            hasty: Map::new(),
            spoil: None,
            unready: None,
            changes: Vec::new(),
            known: BTreeMap::new(),
            sometimes: BTreeMap::new(),
        }
    }

    /// Reads a subject file (JSON).
    ///
    /// # Errors
    /// When it can't be read, or a key is unknown, missing or of the wrong type.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path);
        let text = text.map_err(|error| format!("can't read {}: {error}", path.display()))?;
        Self::parse(&text).map_err(|problem| format!("{}: {problem}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: SubjectFile = serde_json::from_str(text).map_err(|error| error.to_string())?;
        Ok(Self {
            profile: file.profile.parse()?,
            plugin: file.plugin,
            config: file.config,
            ifname: file.ifname,
            runtime_config: file.runtime_config,
            prepare: file.prepare,
            prepare_container: file.prepare_container,
            changed: file.changed,
            failing: file.failing,
            tight: file.tight,
            hasty: file.hasty,
            spoil: file.spoil,
            unready: file.unready,
            changes: file.changes,
            known: file.known,
            sometimes: file.sometimes,
        })
    }

    /// Finds the program: a path as it is, a bare name where plugins are usually installed.
    ///
    /// # Errors
    /// When it is not there.
    pub fn found(mut self) -> Result<Self, String> {
        let bare = self.plugin.components().count() == 1;
        let usual =
            PLUGIN_DIRECTORIES.iter().map(|directory| Path::new(directory).join(&self.plugin));
        let candidates = usual.filter(|_| bare).chain([self.plugin.clone()]);
        let found = candidates.into_iter().find(|path| path.is_file());
        let found = found.and_then(|path| std::path::absolute(path).ok());
        self.plugin = found.ok_or_else(|| {
            let usual = PLUGIN_DIRECTORIES.join(", ");
            let name = self.plugin.display();
            format!("there is no plugin {name}: name a program, or one of those in {usual}")
        })?;
        Ok(self)
    }

    /// The file name of the program, which is its `type`.
    pub fn name(&self) -> String {
        self.plugin.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Why a deviation from the requirement of this id is no news.
    pub fn reason(&self, id: &str) -> Option<&str> {
        self.known.get(id).or_else(|| self.sometimes.get(id)).map(String::as_str)
    }

    /// The key of the configuration under which it names a plugin that it runs.
    pub fn delegate_key(&self) -> Option<&'static str> {
        match self.profile {
            Profile::Wrapper => Some("delegate"),
            Profile::Interface if self.config.get("ipam").is_some_and(Value::is_object) => {
                Some("ipam")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_gives_a_subject_and_names_what_is_wrong() {
        let subject = Subject::parse(
            r#"{"plugin": "ptp", "profile": "interface", "config": {"ipam": {"type": "static"}}}"#,
        )
        .unwrap();
        assert_eq!(subject.delegate_key(), Some("ipam"));
        assert_eq!(subject.name(), "ptp");
        let problem = Subject::parse(r#"{"plugin": "ptp", "profile": "bridge"}"#).unwrap_err();
        assert!(problem.contains("no such profile: bridge"), "{problem}");
        let problem = Subject::parse(r#"{"plugin": "ptp", "typo": 1}"#).unwrap_err();
        assert!(problem.contains("typo"), "{problem}");
    }

    #[test]
    fn a_program_that_is_not_there_is_said() {
        let problem = Subject::new("no-such-plugin", Profile::Ipam, Map::new()).found();
        assert!(problem.unwrap_err().contains("no-such-plugin"));
        let shell = Subject::new("/bin/sh", Profile::Ipam, Map::new()).found().unwrap();
        assert_eq!(shell.name(), "sh");
    }
}
