//! libcni, the library behind containerd, CRI-O, Podman's CNI mode, Multus and cnitool.
//!
//! What it sends and accepts is what plugins meet in practice, whatever the specification says.
//! Each deviation from it has a name ([`quirk::Quirk`]). The version is 1.3.0. Calls and cache
//! files were compared with those of a real libcni (1.1.2): see `tests/it/runtime/libcni-recorded`.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | a [`network::Network`] from its files | `files.rs`, `network.rs`, `version.rs` |
//! | 2 | the invocation of a plugin, by pure functions | `invocation.rs`, `go_json.rs` |
//! | 3 | accepted outputs and results | `output.rs`, `result.rs` |
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

/// An emulation of libcni. Its only state is the cache.
pub struct Libcni<'p> {
    plugins: &'p dyn Exec,
    /// The directories of plugins, which become `CNI_PATH`.
    path: Vec<PathBuf>,
    cache: Cache,
    quirks: Quirks,
}

impl<'p> Libcni<'p> {
    /// Returns libcni with all its deviations.
    pub fn new(plugins: &'p dyn Exec, path: Vec<PathBuf>, cache: Cache) -> Self {
        Self { plugins, path, cache, quirks: Quirks::all() }
    }

    /// Restricts it to these deviations.
    #[must_use]
    pub fn with(mut self, quirks: Quirks) -> Self {
        self.quirks = quirks;
        self
    }

    /// Returns its cache.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }
}
