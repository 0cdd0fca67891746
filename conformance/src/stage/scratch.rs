//! A directory for one case, on its host: it is gone with it, however the harness ends.

use std::path::{Path, PathBuf};

use cni_test_kit::Host;

/// Where it is, as the plugin sees it.
const INSIDE: &str = "/run/stand-ins";

/// A directory with its two names.
#[derive(Clone, Debug)]
pub(crate) struct Scratch {
    inside: PathBuf,
    outside: PathBuf,
}

impl Scratch {
    pub(crate) fn new(host: &Host) -> Self {
        let outside = PathBuf::from(format!("/proc/{}/root{INSIDE}", host.pid()));
        Self { inside: INSIDE.into(), outside }.made()
    }

    /// A directory in it.
    pub(crate) fn directory(&self, name: &str) -> Self {
        Self { inside: self.inside.join(name), outside: self.outside.join(name) }.made()
    }

    /// Its name on the host.
    pub(crate) fn inside(&self) -> &Path {
        &self.inside
    }

    /// Its name out here.
    pub(crate) fn outside(&self) -> &Path {
        &self.outside
    }

    fn made(self) -> Self {
        let made = std::fs::create_dir_all(&self.outside);
        made.unwrap_or_else(|error| panic!("can't make {}: {error}", self.outside.display()));
        self
    }
}
