//! The mutant plugin as a subject.
#![cfg_attr(not(feature = "host-tests"), allow(dead_code, reason = "for tests on hosts"))]

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
use cni_test_kit::TempDir;
use serde_json::{Map, Value, json};

/// A directory with the mutant plugins, which is removed when it is dropped.
pub(crate) struct Mutants {
    directory: TempDir,
    /// The hosts for running cases on them.
    pub(crate) hosts: HostPool,
}

impl Mutants {
    /// Creates a directory with the unmutated IPAM plugin, which the interface plugin runs.
    pub(crate) fn new() -> Self {
        let mutants = Self { directory: TempDir::new(), hosts: HostPool::default() };
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

    /// Returns the plugin of a profile with one mutation, or none.
    pub(crate) fn subject(&self, profile: Profile, mutation: Option<&str>) -> Subject {
        let suffix = mutation.map(|mutation| format!(".{mutation}")).unwrap_or_default();
        let program = self.program(&format!("mutant.{profile}{suffix}"));
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

/// Returns the newest version in which a case applies to plugins of this profile.
pub(crate) fn newest(case: &Case, profile: Profile) -> Option<SpecVersion> {
    SpecVersion::ALL.into_iter().rev().find(|version| case.applies(profile, *version))
}

/// Returns the cases to test: those whose id begins with `CNI_CONFORMANCE_ONLY`, if it is set.
pub(crate) fn chosen() -> Vec<&'static Case> {
    static ONLY: OnceLock<String> = OnceLock::new();
    let only = ONLY.get_or_init(|| {
        let only = std::env::var_os("CNI_CONFORMANCE_ONLY").unwrap_or_default();
        only.to_string_lossy().into_owned()
    });
    cases::all().filter(|case| case.id.starts_with(only.as_str())).collect()
}

/// Whether slow tests are complete: whether `CNI_CONFORMANCE_ALL=1` is set.
pub(crate) fn is_all() -> bool {
    std::env::var_os("CNI_CONFORMANCE_ALL").is_some_and(|value| value == "1")
}

/// Returns the versions to test: one for each result format, or all.
pub(crate) fn versions() -> Versions {
    if is_all() { Versions::Claimed } else { Versions::EachFormat }
}
