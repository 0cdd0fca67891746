//! Hosts that are used again while nothing of them has changed.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use cni_test_kit::{Baseline, BindMounts, Host, ReusableContainer};

use crate::subject::Subject;

/// Throw-away hosts for the cases of a run. One that a case has left as it was, once what the plugin made
/// is removed, serves another case; any other is replaced by a new one.
#[derive(Default)]
pub struct Hosts {
    free: Mutex<Vec<Prepared>>,
}

/// A host that is ready for a case.
pub(super) struct Prepared {
    kind: Kind,
    pub(super) host: Host,
    /// The state that it is brought back to; `None` if that can't be done.
    baseline: Option<Baseline>,
    /// Containers that were used before.
    pub(super) spare: Vec<ReusableContainer>,
}

/// What hosts have in common that can stand in for each other.
#[derive(Clone, PartialEq, Eq)]
struct Kind {
    visible: BindMounts,
    prepare: Option<String>,
    prepare_container: Option<String>,
}

impl Hosts {
    /// A host for this subject, which may have been used before.
    pub(super) fn take(&self, subject: &Subject) -> Result<Prepared, String> {
        let kind = Kind::of(subject, &[])?;
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = free.iter().position(|one| one.kind == kind) {
            return Ok(free.swap_remove(at));
        }
        drop(free);
        let mut prepared = Prepared::of(kind);
        prepared.baseline = prepared.host.baseline();
        Ok(prepared)
    }

    fn put(&self, prepared: Prepared) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(prepared);
    }
}

impl Kind {
    /// The plugins of the subject, and those in these directories, are on the host. A directory that does
    /// not exist is ignored, as runtimes do.
    fn of(subject: &Subject, path: &[PathBuf]) -> Result<Self, String> {
        let (prepare, prepare_container) =
            (subject.prepare.clone(), subject.prepare_container.clone());
        Ok(Self { visible: visible(&subject.plugin, path)?, prepare, prepare_container })
    }
}

impl Prepared {
    /// A new host, which is not used again.
    pub(super) fn new(subject: &Subject, path: &[PathBuf]) -> Result<Self, String> {
        Ok(Self::of(Kind::of(subject, path)?))
    }

    fn of(kind: Kind) -> Self {
        let host = Host::with_private_tmp(kind.visible.clone());
        if let Some(script) = &kind.prepare {
            host.sh(script);
        }
        Self { kind, host, baseline: None, spare: Vec::new() }
    }

    /// The state that it is brought back to.
    pub(super) fn baseline(&self) -> Option<&Baseline> {
        self.baseline.as_ref()
    }

    /// Returns it to the hosts if it can be used again.
    pub(super) fn give_back(mut self, hosts: &Hosts, containers: Vec<ReusableContainer>) {
        let Some(baseline) = &self.baseline else { return };
        self.spare.extend(containers);
        if let Some(spare) = self.host.reset(baseline, std::mem::take(&mut self.spare)) {
            self.spare = spare;
            hosts.put(self);
        }
    }
}

/// What a host has to show so that the plugin is on it, and the plugins in these directories.
pub(crate) fn visible(plugin: &std::path::Path, path: &[PathBuf]) -> Result<BindMounts, String> {
    let mut visible = BindMounts::default();
    // The plugins of a network's file are bare names, looked for in `path`.
    if plugin.is_absolute() {
        visible.program(plugin)?;
    }
    for directory in path.iter().filter(|directory| directory.exists()) {
        visible.directory(directory)?;
    }
    Ok(visible)
}
