//! The interface through which runtimes find and run plugins.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::invocation::Invocation;
use crate::exchange::Exchange;

/// Finds and runs plugins, as `invoke.Exec` of libcni does.
pub trait Exec: Sync {
    /// Returns the path of the plugin with this file name in one of these directories.
    ///
    /// # Errors
    /// If none of them has it.
    fn find(&self, name: &str, path: &[PathBuf], lookup: Lookup) -> Result<PathBuf, Failure>;

    /// Runs a plugin and waits until it exits.
    ///
    /// # Errors
    /// If it cannot be started.
    fn execute(&self, program: &Path, invocation: &Invocation) -> Result<Exchange, Failure>;
}

/// Which file of the right name a runtime accepts as a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The first regular file.
    RegularFile,
    /// The first file with an execute permission.
    Executable,
}
