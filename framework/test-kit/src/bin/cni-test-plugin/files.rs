//! The files next to the plugin, and the arguments that it passes to itself.

use std::env;
use std::path::{Path, PathBuf};

use cni_test_kit::Script;

/// The first argument after re-executing with SIGTERM ignored. The second is the original
/// `argv[0]`.
pub(crate) const TERM_IGNORED: &str = "--term-ignored";
/// The first argument of the child left behind, followed by its lifetime in milliseconds and
/// session.
pub(crate) const BACKGROUND: &str = "--background";

/// Returns the path from which the script's name is derived.
///
/// That is the path by which the plugin was started, which may be a symbolic link, or else the
/// executable: a caller may set any `argv[0]`.
pub(crate) fn program(argv0: &str) -> PathBuf {
    let started = Path::new(argv0);
    if argv0.contains('/') && next_to(started, "script.json").exists() {
        return started.to_owned();
    }
    env::current_exe().unwrap_or_else(|_| started.to_owned())
}

/// Reads the script.
pub(crate) fn script(program: &Path) -> Result<Script, String> {
    let path = next_to(program, "script.json");
    let describe = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let text = std::fs::read_to_string(&path).map_err(|error| describe(&error))?;
    serde_json::from_str(&text).map_err(|error| describe(&error))
}

/// Returns the path of a file next to the plugin.
pub(crate) fn next_to(program: &Path, ending: &str) -> PathBuf {
    let mut path = program.as_os_str().to_owned();
    path.push(".");
    path.push(ending);
    path.into()
}
