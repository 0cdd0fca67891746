//! The setup of a lifecycle: a plugin or a network, and the runtime that runs it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_protocol::SpecVersion;
use serde_json::{Map, Value, json};

use crate::profile::Profile;
use crate::run::cost::Calls;
use crate::run::probe::claimed;
use crate::runtime::kind::RuntimeKind;
use crate::runtime::libcni::network::Network;
use crate::runtime::libcni::quirk::Quirks;
use crate::runtime::mesos::config;
use crate::runtime::mesos::isolator::DEL_DELAY;
use crate::subject::Subject;

/// A plugin or a network, and the runtime that runs it.
#[derive(Clone, Debug)]
pub struct Setup {
    kind: RuntimeKind,
    pub(super) subject: Subject,
    pub(super) version: SpecVersion,
    pub(super) source: Source,
    /// The values for capabilities. Each attachment gets different host ports.
    pub(super) supplied: Map<String, Value>,
    /// The `NetworkInfo` for Mesos, without port mappings.
    pub(super) info: Map<String, Value>,
    pub(super) limit: Duration,
    /// Directories of plugins that precede the usual ones.
    pub(super) path: Vec<PathBuf>,
    /// The time from the terminal status of a task to its DEL.
    pub(super) del_delay: Duration,
}

/// The source of the network's configuration.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Generated for the subject.
    Subject,
    /// A list, for libcni.
    List(Network),
    /// The configuration of a single plugin, for Mesos.
    Single(Map<String, Value>),
}

impl Setup {
    /// Returns the setup for a subject. Mesos ignores `version`, since it has no versions.
    ///
    /// # Errors
    /// If the runtime cannot run such a plugin.
    pub fn of_subject(
        kind: RuntimeKind,
        subject: Subject,
        version: SpecVersion,
        limit: Duration,
    ) -> Result<Self, String> {
        // A lifecycle is played with one delegate: the first.
        let first = subject.for_each_delegate().into_iter().next();
        let subject = first.map_or(subject, |(_, subject)| subject);
        let own = subject.config.get("cniVersion").and_then(Value::as_str);
        let version = match (kind, own) {
            (RuntimeKind::Libcni, _) => version,
            (RuntimeKind::Mesos, Some(own)) => own.parse().map_err(|error| format!("{error}"))?,
            (RuntimeKind::Mesos, None) => SpecVersion::default(),
        };
        if subject.profile == Profile::Chained {
            match kind {
                RuntimeKind::Mesos => {
                    return Err("Mesos does not support chained plugins".to_owned());
                }
                RuntimeKind::Libcni if version < SpecVersion::V0_3_0 => {
                    return Err(format!("{version} does not support chained plugins"));
                }
                RuntimeKind::Libcni => (),
            }
        }
        let (supplied, info) = (subject.runtime_config.clone(), Map::new());
        Ok(Self {
            kind,
            subject,
            version,
            source: Source::Subject,
            supplied,
            info,
            limit,
            path: Vec::new(),
            del_delay: *DEL_DELAY.end(),
        })
    }

    /// Returns the setup for a network configuration file.
    ///
    /// # Errors
    /// If the runtime does not accept the file.
    pub fn of_file(
        kind: RuntimeKind,
        file: &Path,
        supplied: Map<String, Value>,
        info: Map<String, Value>,
        limit: Duration,
    ) -> Result<Self, String> {
        let (source, first, version) = match kind {
            RuntimeKind::Libcni => {
                let network = Network::read(file, &Quirks::all())?;
                let first = network.plugins[0]["type"].clone();
                let version = network.version.clone();
                (Source::List(network), first, version)
            }
            RuntimeKind::Mesos => {
                let config = config::read(file)?;
                let first = config["type"].clone();
                let version = config.get("cniVersion").and_then(Value::as_str).unwrap_or_default();
                let version = version.to_owned();
                (Source::Single(config), first, version)
            }
        };
        let version = version.parse().map_err(|error| format!("{}: {error}", file.display()))?;
        let plugin = first.as_str().unwrap_or_default();
        // The network creates its interfaces itself.
        let subject = Subject::new(plugin, Profile::Interface, Map::new());
        let (path, del_delay) = (Vec::new(), *DEL_DELAY.end());
        Ok(Self { kind, subject, version, source, supplied, info, limit, path, del_delay })
    }

    /// Adds directories of plugins, which precede the usual ones.
    #[must_use]
    pub fn with_path(mut self, path: &str) -> Self {
        let directories = path.split(':').filter(|directory| !directory.is_empty());
        self.path = directories.filter_map(|one| std::path::absolute(one).ok()).collect();
        self
    }

    /// Sets the time from the terminal status of a task to its DEL, which is otherwise the longest
    /// of [`DEL_DELAY`].
    #[must_use]
    pub fn with_del_delay(self, del_delay: Duration) -> Self {
        Self { del_delay, ..self }
    }

    /// Returns the runtime.
    pub fn kind(&self) -> RuntimeKind {
        self.kind
    }

    /// Returns the version of the calls.
    pub fn version(&self) -> SpecVersion {
        self.version
    }

    /// Returns the newest version that a plugin claims, which is the default for libcni.
    ///
    /// # Errors
    /// If VERSION fails.
    pub fn newest_version(subject: &Subject, limit: Duration) -> Result<SpecVersion, String> {
        let newest = claimed(subject, limit, &mut Calls::default())?.pop();
        newest.ok_or_else(|| "VERSION lists no known version".to_owned())
    }

    /// Returns the values for capabilities of one attachment.
    pub(super) fn supplied_for(&self, number: u8) -> Map<String, Value> {
        let mut supplied = self.supplied.clone();
        let mappings = supplied.get_mut("portMappings").and_then(Value::as_array_mut);
        for mapping in mappings.into_iter().flatten() {
            if let Some(port) = mapping.get("hostPort").and_then(Value::as_u64) {
                mapping["hostPort"] = (port + u64::from(number)).into();
            }
        }
        supplied
    }

    /// Returns the `NetworkInfo` of one attachment, with the port mappings in the format of Mesos.
    pub(super) fn info_for(&self, number: u8) -> Map<String, Value> {
        let mut info = self.info.clone();
        let supplied = self.supplied_for(number);
        let mappings = supplied.get("portMappings").and_then(Value::as_array);
        let mappings: Vec<Value> = mappings.into_iter().flatten().map(in_mesos_format).collect();
        if !mappings.is_empty() {
            info.insert("port_mappings".to_owned(), mappings.into());
        }
        info
    }
}

fn in_mesos_format(mapping: &Value) -> Value {
    let mut converted =
        json!({ "container_port": mapping["containerPort"], "host_port": mapping["hostPort"] });
    if let Some(protocol) = mapping.get("protocol") {
        converted["protocol"] = protocol.clone();
    }
    converted
}

/// Declares the capabilities for which there are values, as an operator must do.
pub(super) fn declaring(
    mut plugin: Map<String, Value>,
    supplied: &Map<String, Value>,
) -> Map<String, Value> {
    if !supplied.is_empty() && !plugin.contains_key("capabilities") {
        let all: Map<String, Value> =
            supplied.keys().map(|key| (key.clone(), true.into())).collect();
        plugin.insert("capabilities".to_owned(), all.into());
    }
    plugin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject(profile: Profile) -> Subject {
        let mut subject = Subject::new("/p", profile, Map::new());
        let mapping = json!({ "hostPort": 8000, "containerPort": 80, "protocol": "tcp" });
        let supplied = json!({ "portMappings": [mapping] });
        subject.runtime_config = supplied.as_object().cloned().unwrap();
        subject
    }

    #[test]
    fn each_attachment_has_different_ports_in_the_format_of_its_runtime() {
        let limit = Duration::from_secs(1);
        let setup = Setup::of_subject(
            RuntimeKind::Mesos,
            subject(Profile::Wrapper),
            SpecVersion::NEWEST,
            limit,
        );
        let setup = setup.unwrap();
        assert_eq!(setup.version(), SpecVersion::V0_1_0, "Mesos has no versions");
        assert_eq!(setup.supplied_for(3)["portMappings"][0]["hostPort"], 8003);
        let info = Value::Object(setup.info_for(3));
        assert_eq!(
            info.to_string(),
            r#"{"port_mappings":[{"container_port":80,"host_port":8003,"protocol":"tcp"}]}"#
        );
    }

    #[test]
    fn plugins_that_a_runtime_does_not_support_are_refused() {
        let chained = |kind, version| {
            Setup::of_subject(kind, subject(Profile::Chained), version, Duration::from_secs(1))
                .is_ok()
        };
        assert!(!chained(RuntimeKind::Mesos, SpecVersion::NEWEST));
        assert!(!chained(RuntimeKind::Libcni, SpecVersion::V0_2_0));
        assert!(chained(RuntimeKind::Libcni, SpecVersion::V0_3_0));
    }
}
