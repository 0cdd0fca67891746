//! The seam between deciding what plugins are invocation and telling them.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::invocation::Invocation;
use crate::exchange::Exchange;

/// Finds and runs plugins.
pub trait Exec: Sync {
    /// Where the plugin of this file name is, of these directories.
    ///
    /// # Errors
    /// When it is in none of them.
    fn find(&self, name: &str, path: &[PathBuf], wanted: Lookup) -> Result<PathBuf, Failure>;

    /// Tells a plugin something and waits for its end.
    ///
    /// # Errors
    /// When it can't be started.
    fn execute(&self, program: &Path, invocation: &Invocation) -> Result<Exchange, Failure>;
}

/// What a runtime takes for a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The first regular file.
    RegularFile,
    /// The first that may be executed.
    Executable,
}
