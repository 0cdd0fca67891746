//! libcni, the library behind containerd, CRI-O, Podman's CNI mode, Multus and cnitool.
//!
//! What it sends and accepts is what a plugin meets in the field, whatever the specification says; where the two
//! differ, the difference has a name ([`Quirk`]). It is played as of 1.3.0. The calls and the cache files were compared with those
//! that a real libcni (1.1.2) made: see `tests/libcni`.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | a [`Network`] is read from its file and the fragments beside it | `files.rs`, `network.rs`, `version.rs` |
//! | 2 | what a plugin is invocation, by pure functions | `invocation.rs`, `go.rs` |
//! | 3 | what is taken for a result | `answer.rs`, `result.rs` |
//! | 4 | the order of calls, and when to stop | `verbs.rs`, `gc.rs` |
//! | 5 | the cache | `cache.rs` |

pub mod cache;
mod files;
mod gc;
mod go_json;
pub mod invocation;
pub mod network;
mod output;
pub mod quirk;
pub mod result;
mod verbs;
mod version;

use std::path::PathBuf;

use crate::runtime::exec::Exec;
use cache::Cache;
use quirk::Quirks;

/// libcni, with all that it keeps between calls: nothing but its cache.
pub struct Libcni<'p> {
    plugins: &'p dyn Exec,
    /// Where plugins are looked for; it becomes `CNI_PATH`.
    path: Vec<PathBuf>,
    cache: Cache,
    quirks: Quirks,
}

impl<'p> Libcni<'p> {
    /// libcni as it is, deviations and all.
    pub fn new(plugins: &'p dyn Exec, path: Vec<PathBuf>, cache: Cache) -> Self {
        Self { plugins, path, cache, quirks: Quirks::all() }
    }

    /// With only these deviations.
    #[must_use]
    pub fn with(mut self, quirks: Quirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// Its cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }
}
