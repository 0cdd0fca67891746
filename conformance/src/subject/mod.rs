//! The plugin under test, and what the cases need to know about it.

pub(crate) mod delegates;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::profile::Profile;
use delegates::SelectableDelegate;

/// Where plugins are usually installed. A bare name is searched for there.
pub(crate) const PLUGIN_DIRECTORIES: [&str; 3] =
    ["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"];

/// Keys that had another name, and their names now.
const RENAMED: [(&str, &str); 5] = [
    ("tight", "smallPool"),
    ("hasty", "shortTimeout"),
    ("spoil", "damage"),
    ("unready", "makeUnready"),
    ("sometimes", "flaky"),
];

/// A plugin under test.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The program of the plugin.
    pub plugin: PathBuf,
    /// The kind of plugin that it is.
    pub profile: Profile,
    /// The plugin's object in a network configuration, without `name` and `cniVersion`; `type` is
    /// optional. `{number}` in a string is replaced by the number of the attachment; a string that
    /// consists of it becomes a number.
    pub config: Map<String, Value>,
    /// The only name that its interface can have, such as `lo`.
    pub ifname: Option<String>,
    /// The delegates of a wrapper that selects among several, by name: it is judged with each.
    pub delegates: BTreeMap<String, SelectableDelegate>,
    /// What the runtime supplies for the capabilities that the plugin declares.
    pub runtime_config: Map<String, Value>,
    /// A shell script that prepares the host before every case, with links that the plugin needs,
    /// say. It has a minute. A program that it starts in the background ends with the host.
    pub prepare: Option<String>,
    /// A shell script that prepares each container.
    pub prepare_container: Option<String>,
    /// Options of the configuration, changed as an operator might do between ADD and DEL.
    pub changed: Map<String, Value>,
    /// Options that make ADD fail halfway, so that it has something to undo.
    pub failing: Map<String, Value>,
    /// Options with a pool of few addresses, which an IPAM plugin exhausts soon.
    pub small_pool: Map<String, Value>,
    /// Options with which the plugin waits at most a second for its delegate.
    pub short_timeout: Map<String, Value>,
    /// A shell script, run on the host, that undoes a part of what ADD created, which CHECK must
    /// notice. `$NETNS` is the container as `ip -n` names it, `$IFNAME` its interface, `$NUMBER`
    /// the number of the attachment.
    pub damage: Option<String>,
    /// A shell script that breaks something on the host that the plugin needs.
    pub make_unready: Option<String>,
    /// Members of a result, such as `interfaces`, that the plugin is meant to change.
    pub changes: Vec<String>,
    /// Known deviations, each with its reason.
    pub known: BTreeMap<String, String>,
    /// Known deviations that occur only by chance, since calls race with each other.
    pub flaky: BTreeMap<String, String>,
}

/// The contents of a subject file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct SubjectFile {
    plugin: PathBuf,
    profile: String,
    #[serde(default)]
    config: Map<String, Value>,
    ifname: Option<String>,
    #[serde(default)]
    delegates: BTreeMap<String, SelectableDelegate>,
    #[serde(default)]
    runtime_config: Map<String, Value>,
    prepare: Option<String>,
    prepare_container: Option<String>,
    #[serde(default)]
    changed: Map<String, Value>,
    #[serde(default)]
    failing: Map<String, Value>,
    #[serde(default)]
    small_pool: Map<String, Value>,
    #[serde(default)]
    short_timeout: Map<String, Value>,
    damage: Option<String>,
    make_unready: Option<String>,
    #[serde(default)]
    changes: Vec<String>,
    #[serde(default)]
    known: BTreeMap<String, String>,
    #[serde(default)]
    flaky: BTreeMap<String, String>,
}

impl Subject {
    /// Returns a plugin with only its configuration.
    pub fn new(plugin: impl Into<PathBuf>, profile: Profile, config: Map<String, Value>) -> Self {
        Self {
            plugin: plugin.into(),
            profile,
            config,
            ifname: None,
            delegates: BTreeMap::new(),
            runtime_config: Map::new(),
            prepare: None,
            prepare_container: None,
            changed: Map::new(),
            failing: Map::new(),
            small_pool: Map::new(),
            short_timeout: Map::new(),
            damage: None,
            make_unready: None,
            changes: Vec::new(),
            known: BTreeMap::new(),
            flaky: BTreeMap::new(),
        }
    }

    /// Reads a subject file (JSON).
    ///
    /// # Errors
    /// If it cannot be read, or a key is unknown, missing or of the wrong type.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = fs::read_to_string(path);
        let text = text.map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        Self::parse(&text).map_err(|problem| format!("{}: {problem}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: SubjectFile =
            serde_json::from_str(text).map_err(|error| with_new_name(error.to_string()))?;
        let subject = Self {
            profile: file.profile.parse()?,
            plugin: file.plugin,
            config: file.config,
            ifname: file.ifname,
            delegates: file.delegates,
            runtime_config: file.runtime_config,
            prepare: file.prepare,
            prepare_container: file.prepare_container,
            changed: file.changed,
            failing: file.failing,
            small_pool: file.small_pool,
            short_timeout: file.short_timeout,
            damage: file.damage,
            make_unready: file.make_unready,
            changes: file.changes,
            known: file.known,
            flaky: file.flaky,
        };
        subject.check_delegates()?;
        Ok(subject)
    }

    /// Finds the program: a path is used as it is, a bare name is searched for where plugins are
    /// usually installed.
    ///
    /// # Errors
    /// If it does not exist.
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
            format!("plugin {name} not found: pass the path of a program, or a name in {usual}")
        })?;
        Ok(self)
    }

    /// Returns the file name of the program, which is its `type`.
    pub fn name(&self) -> String {
        self.plugin.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns the reason of a known deviation from the requirement with this id.
    pub fn reason(&self, id: &str) -> Option<&str> {
        self.known.get(id).or_else(|| self.flaky.get(id)).map(String::as_str)
    }
}

/// Adds the new name of a key to the error about its old one.
fn with_new_name(error: String) -> String {
    let renamed = RENAMED.iter().find(|(old, _)| error.contains(&format!("unknown field `{old}`")));
    match renamed {
        Some((old, new)) => format!("{error}; `{old}` is now `{new}`"),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_parsed_and_errors_name_the_key() {
        let subject = Subject::parse(
            r#"{"plugin": "ptp", "profile": "interface", "config": {"ipam": {"type": "static"}}}"#,
        )
        .unwrap();
        assert_eq!(subject.delegate_pointer(), Some("/ipam"));
        assert_eq!(subject.name(), "ptp");
        let problem = Subject::parse(r#"{"plugin": "ptp", "profile": "bridge"}"#).unwrap_err();
        assert!(problem.contains("no such profile: bridge"), "{problem}");
        let problem = Subject::parse(r#"{"plugin": "ptp", "typo": 1}"#).unwrap_err();
        assert!(problem.contains("typo"), "{problem}");
        let problem = Subject::parse(r#"{"plugin": "ptp", "hasty": {}}"#).unwrap_err();
        assert!(problem.contains("`hasty` is now `shortTimeout`"), "{problem}");
    }

    #[test]
    fn a_missing_program_is_an_error() {
        let problem = Subject::new("no-such-plugin", Profile::Ipam, Map::new()).found();
        assert!(problem.unwrap_err().contains("no-such-plugin"));
        let shell = Subject::new("/bin/sh", Profile::Ipam, Map::new()).found().unwrap();
        assert_eq!(shell.name(), "sh");
    }
}
