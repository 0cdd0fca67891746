//! The seam between deciding what plugins are told and telling them.

use std::path::{Path, PathBuf};

use super::failure::Failure;
use super::told::Told;
use crate::exchange::Exchange;

/// Finds and runs plugins.
pub trait Plugins: Sync {
    /// Where the plugin of this file name is, of these directories.
    ///
    /// # Errors
    /// When it is in none of them.
    fn find(&self, name: &str, path: &[PathBuf], wanted: Wanted) -> Result<PathBuf, Failure>;

    /// Tells a plugin something and waits for its end.
    ///
    /// # Errors
    /// When it can't be started.
    fn execute(&self, program: &Path, told: &Told) -> Result<Exchange, Failure>;
}

/// What a runtime takes for a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The first regular file.
    File,
    /// The first that may be executed.
    Executable,
}
