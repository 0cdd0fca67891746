//! The sinner as a subject.
#![cfg_attr(not(feature = "host-tests"), allow(dead_code, reason = "for tests on hosts"))]

#[cfg(feature = "host-tests")]
pub(crate) mod browser;
pub(crate) mod documents;
pub(crate) mod schema;
#[cfg(feature = "host-tests")]
pub(crate) mod script;

use std::io::ErrorKind;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::OnceLock;

use cni_conformance::fixture::host_pool::HostPool;
use cni_conformance::run::versions::Versions;
use cni_conformance::spec::cases;
use cni_conformance::{Case, Profile, Subject};
use cni_protocol::SpecVersion;
use cni_test_kit::TemporaryDir;
use serde_json::{Map, Value, json};

/// A directory of mutants, removed when it is dropped.
pub(crate) struct Mutants {
    directory: TemporaryDir,
    /// Where they can be judged.
    pub(crate) hosts: HostPool,
}

impl Mutants {
    /// A directory with the honest IPAM plugin, which the interface plugin runs.
    pub(crate) fn new() -> Self {
        let mutants = Self { directory: TemporaryDir::new(), hosts: HostPool::default() };
        mutants.program("mutant.ipam");
        mutants
    }

    fn program(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        match symlink(env!("CARGO_BIN_EXE_cni-mutant"), &path) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => panic!("{error}"),
            _ => path,
        }
    }

    /// The plugin that commits one sin, or none.
    pub(crate) fn subject(&self, profile: Profile, sin: Option<&str>) -> Subject {
        let sin = sin.map(|sin| format!(".{sin}")).unwrap_or_default();
        let program = self.program(&format!("mutant.{profile}{sin}"));
        let mut subject = Subject::new(program, profile, Map::new());
        match profile {
            Profile::Interface | Profile::Ipam => {
                subject.config = object(json!({ "ipam": { "type": "mutant.ipam" } }));
            }
            Profile::Chained | Profile::Wrapper => {
                subject.runtime_config = object(json!({ "portMappings": [
                    { "hostPort": 8000, "containerPort": 80, "protocol": "tcp" },
                ] }));
            }
        }
        subject.changed = object(json!({ "colour": "red" }));
        subject.failing = object(json!({ "fail": true }));
        subject.small_pool = object(json!({ "ipam": { "type": "mutant.ipam", "size": 2 } }));
        subject.short_timeout = object(json!({ "patience": 300 }));
        subject.make_unready = Some("touch /run/mutant-broken".to_owned());
        subject
    }
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}

/// The newest version in which a case is for plugins of this profile.
pub(crate) fn newest(case: &Case, profile: Profile) -> Option<SpecVersion> {
    SpecVersion::ALL.into_iter().rev().find(|version| case.applies(profile, *version))
}

/// All cases that this run of the tests looks at: those whose id begins with CNI_CONFORMANCE_ONLY, if that is set.
pub(crate) fn chosen() -> Vec<&'static Case> {
    static ONLY: OnceLock<String> = OnceLock::new();
    let only = ONLY.get_or_init(|| {
        let only = std::env::var_os("CNI_CONFORMANCE_ONLY").unwrap_or_default();
        only.to_string_lossy().into_owned()
    });
    cases::all().filter(|case| case.id.starts_with(only.as_str())).collect()
}

/// Whether everything is to be tested that takes long: the variable `CNI_CONFORMANCE_ALL=1` is set.
pub(crate) fn is_all() -> bool {
    std::env::var_os("CNI_CONFORMANCE_ALL").is_some_and(|value| value == "1")
}

/// The versions that tests judge in: one for each form of the result, or all.
pub(crate) fn versions() -> Versions {
    if is_all() { Versions::Claimed } else { Versions::EachFormat }
}
