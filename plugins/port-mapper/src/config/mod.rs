//! The plugin's own keys in the network configuration.
//!
//! They are read in two steps. [`Config`] accepts any value, so that DEL and GC never fail because
//! of a key that only ADD needs. ADD and CHECK use [`Settings`], in which everything is validated;
//! all problems are reported in one error. DEL and GC use [`Cleanup`], which takes the valid values
//! of the configuration and the defaults for the others.

mod chain;
mod devices;
mod portmap;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use cni_wrapper::PrivateDir;
use cni_wrapper::json::shown;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::conditions::{self, Conditions};
use crate::error::Error;
use crate::mappings::{self, Mapping};
use crate::problem::{Problem, unexpected};

pub(crate) use devices::check as check_device;

/// The chain if none is configured.
///
/// Mesos's original requires the key. In a plugin list of containerd or CRI-O, an administrator
/// should not have to invent a name.
pub const DEFAULT_CHAIN: &str = "PORT-MAPPER";
/// The directory of the state files if `stateDir` is not configured.
pub const DEFAULT_STATE_DIR: &str = "/run/mesos-cni-port-mapper";
/// The time to wait for locks if `lockTimeout` is not configured.
pub const DEFAULT_LOCK_TIMEOUT: Duration = Duration::from_secs(5);
/// The time to wait for a host port if `conflictTimeout` is not configured. Mesos starts the next
/// task up to two seconds before the DEL of the last one.
pub const DEFAULT_CONFLICT_TIMEOUT: Duration = Duration::from_secs(5);
/// The maximum of both times, in seconds.
const MAX_TIMEOUT: f64 = 600.0;

/// The keys as they are in the configuration. `null` is the same as absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Config {
    /// The chain of the nat table that groups the network's rules. Default: [`DEFAULT_CHAIN`].
    pub chain: Option<Value>,
    /// Interfaces of the host whose incoming packets are not mapped. A trailing `+` is a wildcard.
    pub exclude_devices: Option<Value>,
    /// The backend that creates the rules: see [`BackendKind`].
    pub backend: Option<Value>,
    /// Whether source addresses are rewritten where a mapping could not work otherwise: for hairpin
    /// traffic and 127.0.0.1. Default: true.
    pub snat: Option<Value>,
    /// Whether the source address of every mapped connection is rewritten. Default: false.
    pub masq_all: Option<Value>,
    /// Arguments of iptables that a connection over IPv4 must match to be mapped.
    pub conditions_v4: Option<Value>,
    /// The same for IPv6.
    pub conditions_v6: Option<Value>,
    /// A key of `portmap` that is refused.
    pub external_set_mark_chain: Option<Value>,
    /// A key of `portmap` that is refused.
    pub mark_masq_bit: Option<Value>,
    /// The directory of the state files, an absolute path. Default: [`DEFAULT_STATE_DIR`].
    pub state_dir: Option<Value>,
    /// The time to wait for a lock, in seconds. Default: [`DEFAULT_LOCK_TIMEOUT`].
    pub lock_timeout: Option<Value>,
    /// The time that ADD waits for a host port of another container, in seconds; 0 refuses it at
    /// once. Default: [`DEFAULT_CONFLICT_TIMEOUT`].
    pub conflict_timeout: Option<Value>,
    /// Contains the mappings under Mesos.
    pub args: Option<Value>,
    /// Contains the mappings under other runtimes.
    pub runtime_config: Option<Value>,
}

/// The backend that creates the rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BackendKind {
    /// `iptables`, in the variant that the host uses. In a claim: a variant that is unknown, as in
    /// those of earlier versions.
    #[default]
    Iptables,
    /// `iptables-nft`.
    IptablesNft,
    /// `iptables-legacy`.
    IptablesLegacy,
    /// The kernel's nf_tables over netlink. It needs no program, and the cost of a packet or an ADD
    /// does not depend on the number of mappings.
    Nftables,
}

impl BackendKind {
    /// All kinds.
    pub const ALL: [Self; 4] =
        [Self::Iptables, Self::IptablesNft, Self::IptablesLegacy, Self::Nftables];

    /// Returns the value of the key `backend`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Iptables => "iptables",
            Self::IptablesNft => "iptables-nft",
            Self::IptablesLegacy => "iptables-legacy",
            Self::Nftables => "nftables",
        }
    }
}

impl fmt::Display for BackendKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The validated keys, for ADD and CHECK.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// A valid chain name.
    pub chain: String,
    /// Valid interface names without duplicates.
    pub exclude_devices: Vec<String>,
    /// The backend, if the configuration sets one.
    pub backend: Option<BackendKind>,
    /// See [`Config::snat`].
    pub snat: bool,
    /// See [`Config::masq_all`].
    pub masq_all: bool,
    /// Valid arguments. There are none if the configuration sets the backend `nftables`.
    pub conditions: Conditions,
    /// An absolute path.
    pub state_dir: PathBuf,
    /// The time to wait for a lock.
    pub lock_timeout: Duration,
    /// See [`Config::conflict_timeout`].
    pub conflict_timeout: Duration,
    /// All mappings of the request, without duplicates.
    pub mappings: Vec<Mapping>,
}

/// The keys that DEL and GC need. Any configuration has them, however invalid it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Cleanup {
    /// The chain, unless the configuration sets an invalid one.
    pub chain: Option<String>,
    /// The backend, if the configuration sets one.
    pub backend: Option<BackendKind>,
    /// The configured path, or the default.
    pub state_dir: PathBuf,
    /// The configured time, or the default.
    pub lock_timeout: Duration,
}

impl Settings {
    /// Validates the configuration.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] with all problems.
    pub fn from(config: &Config) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let settings = Self {
            chain: valid_or_default(&mut problems, "chain", chain(config)),
            exclude_devices: devices::read(config.exclude_devices.as_ref(), &mut problems),
            backend: valid_or_default(&mut problems, "backend", backend(config)),
            snat: valid_or_default(&mut problems, "snat", flag(config.snat.as_ref(), true)),
            masq_all: valid_or_default(
                &mut problems,
                "masqAll",
                flag(config.masq_all.as_ref(), false),
            ),
            conditions: portmap::conditions(config, &mut problems),
            state_dir: valid_or_default(&mut problems, "stateDir", state_dir(config)),
            lock_timeout: valid_or_default(&mut problems, "lockTimeout", lock_timeout(config)),
            conflict_timeout: valid_or_default(
                &mut problems,
                "conflictTimeout",
                conflict_timeout(config),
            ),
            mappings: mappings::read(config.args.as_ref(), config.runtime_config.as_ref())
                .unwrap_or_else(|invalid| {
                    problems.extend(invalid);
                    Vec::new()
                }),
        };
        problems.extend(portmap::refused(config));
        let backend = settings.backend.unwrap_or_default();
        problems.extend(conditions::unsupported(&settings.conditions, backend));
        if problems.is_empty() { Ok(settings) } else { Err(Error::Config(problems)) }
    }
}

impl Cleanup {
    /// Takes the valid values, and the defaults for the others.
    pub fn from(config: &Config) -> Self {
        Self {
            chain: chain(config).ok(),
            backend: backend(config).ok().flatten(),
            state_dir: state_dir(config).unwrap_or_else(|_| DEFAULT_STATE_DIR.into()),
            lock_timeout: lock_timeout(config).unwrap_or(DEFAULT_LOCK_TIMEOUT),
        }
    }

    /// Replaces a state directory that is [refused](PrivateDir::is_refusal) by the default.
    ///
    /// ADD refuses it, too, so no file of an attachment is in it, and a wrong `stateDir` does not
    /// keep a container from being removed.
    pub fn with_usable_state_dir(mut self) -> Self {
        if let Err(error) = PrivateDir::open_existing(&self.state_dir)
            && PrivateDir::is_refusal(&error)
        {
            log::warn!("using {DEFAULT_STATE_DIR} instead: {error}");
            self.state_dir = DEFAULT_STATE_DIR.into();
        }
        self
    }
}

impl From<&Settings> for Cleanup {
    fn from(settings: &Settings) -> Self {
        Self {
            chain: Some(settings.chain.clone()),
            backend: settings.backend,
            state_dir: settings.state_dir.clone(),
            lock_timeout: settings.lock_timeout,
        }
    }
}

fn valid_or_default<T: Default>(
    problems: &mut Vec<Problem>,
    key: &str,
    value: Result<T, String>,
) -> T {
    value.unwrap_or_else(|why| {
        problems.push(Problem::new(key, why));
        T::default()
    })
}

fn chain(config: &Config) -> Result<String, String> {
    match &config.chain {
        None => Ok(DEFAULT_CHAIN.to_owned()),
        Some(Value::String(name)) => chain::check(name).map(|()| name.clone()),
        Some(other) => Err(unexpected(other, "a chain name")),
    }
}

fn backend(config: &Config) -> Result<Option<BackendKind>, String> {
    let Some(value) = &config.backend else { return Ok(None) };
    BackendKind::deserialize(value).map(Some).map_err(|_| {
        format!(
            "{} is not a backend; use \"iptables\", \"iptables-nft\", \"iptables-legacy\" or \
             \"nftables\", or leave out the key",
            shown(value)
        )
    })
}

fn flag(value: Option<&Value>, default: bool) -> Result<bool, String> {
    match value {
        None => Ok(default),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(other) => Err(unexpected(other, "true or false")),
    }
}

fn state_dir(config: &Config) -> Result<PathBuf, String> {
    match &config.state_dir {
        None => Ok(DEFAULT_STATE_DIR.into()),
        Some(Value::String(path)) if path.starts_with('/') && !path.contains('\0') => {
            Ok(path.into())
        }
        Some(other) => Err(unexpected(other, "an absolute path")),
    }
}

fn lock_timeout(config: &Config) -> Result<Duration, String> {
    let Some(value) = &config.lock_timeout else { return Ok(DEFAULT_LOCK_TIMEOUT) };
    value
        .as_f64()
        .filter(|seconds| *seconds > 0.0 && *seconds <= MAX_TIMEOUT)
        .map(Duration::from_secs_f64)
        .ok_or_else(|| unexpected(value, "a number of seconds greater than 0 and at most 600"))
}

fn conflict_timeout(config: &Config) -> Result<Duration, String> {
    let Some(value) = &config.conflict_timeout else { return Ok(DEFAULT_CONFLICT_TIMEOUT) };
    value
        .as_f64()
        .filter(|seconds| (0.0..=MAX_TIMEOUT).contains(seconds))
        .map(Duration::from_secs_f64)
        .ok_or_else(|| unexpected(value, "a number of seconds from 0 to 600"))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn config(value: Value) -> Config {
        serde_json::from_value(value).unwrap()
    }

    fn refusal(value: Value) -> String {
        Settings::from(&config(value)).unwrap_err().to_string()
    }

    #[test]
    fn a_backend_is_displayed_as_the_key_has_it() {
        for kind in BackendKind::ALL {
            assert_eq!(json!(kind), kind.to_string());
        }
    }

    #[test]
    fn every_key_may_be_absent_or_null() {
        let nothing = json!({"chain": null, "excludeDevices": null, "backend": null, "snat": null,
            "masqAll": null, "stateDir": null, "lockTimeout": null, "conflictTimeout": null,
            "args": null, "runtimeConfig": null});
        for value in [json!({}), nothing] {
            let settings = Settings::from(&config(value)).unwrap();
            assert_eq!(settings.chain, "PORT-MAPPER");
            assert_eq!(settings.state_dir, PathBuf::from("/run/mesos-cni-port-mapper"));
            assert_eq!(settings.lock_timeout, Duration::from_secs(5));
            assert_eq!(settings.conflict_timeout, Duration::from_secs(5));
            assert!(settings.snat && !settings.masq_all && settings.backend.is_none());
            assert!(settings.exclude_devices.is_empty() && settings.mappings.is_empty());
        }
    }

    #[test]
    fn every_key_is_honoured() {
        let settings = Settings::from(&config(
            json!({"chain": "MESOS", "excludeDevices": ["br0", "veth+", "br0"],
            "backend": "iptables-legacy", "snat": false, "masqAll": true, "stateDir": "/run/x",
            "lockTimeout": 0.5, "conflictTimeout": 0,
            "runtimeConfig": {"portMappings": [{"hostPort": 1, "containerPort": 2}]}}),
        ));
        let settings = settings.unwrap();
        assert_eq!(settings.chain, "MESOS");
        assert_eq!(settings.state_dir, PathBuf::from("/run/x"));
        assert_eq!(settings.exclude_devices, ["br0", "veth+"]);
        assert_eq!(settings.backend, Some(BackendKind::IptablesLegacy));
        assert!(!settings.snat && settings.masq_all);
        assert_eq!(settings.lock_timeout, Duration::from_millis(500));
        assert_eq!(settings.conflict_timeout, Duration::ZERO);
        assert_eq!(settings.mappings.len(), 1);
    }

    #[test]
    fn one_message_reports_all_problems_with_key_and_value() {
        let refused =
            refusal(json!({"chain": "ACCEPT", "excludeDevices": ["br0", ""], "backend": "pf",
            "snat": 1, "masqAll": "yes", "stateDir": "run", "lockTimeout": 0, "conflictTimeout": -1,
            "args": []}));
        for part in [
            "chain: \"ACCEPT\"",
            "excludeDevices[1]: \"\"",
            "backend: \"pf\"",
            "snat: 1 ",
            "masqAll: \"yes\"",
            "stateDir: \"run\"",
            "lockTimeout: 0 ",
            "conflictTimeout: -1 ",
            "args: []",
        ] {
            assert!(refused.contains(part), "{part} is not in {refused}");
        }
    }

    #[test]
    fn cleanup_accepts_any_configuration() {
        let broken =
            config(json!({"chain": 3, "excludeDevices": 3, "backend": 3, "snat": 3, "masqAll": 3,
            "stateDir": 3, "lockTimeout": -3, "args": 3, "runtimeConfig": 3}));
        let cleanup = Cleanup::from(&broken);
        assert_eq!((cleanup.chain, cleanup.backend), (None, None));
        assert_eq!(cleanup.state_dir, PathBuf::from(DEFAULT_STATE_DIR));
        assert_eq!(cleanup.lock_timeout, DEFAULT_LOCK_TIMEOUT);
        let valid = Cleanup::from(&config(json!({"chain": "MESOS", "backend": "iptables-nft",
            "stateDir": "/run/x", "lockTimeout": 7, "snat": 3})));
        assert_eq!(valid.chain.as_deref(), Some("MESOS"));
        assert_eq!(
            (valid.state_dir, valid.lock_timeout),
            ("/run/x".into(), Duration::from_secs(7))
        );
        assert_eq!(valid.backend, Some(BackendKind::IptablesNft));
    }
}
