//! Finds the programs that tests start.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Directories with `ip` and `iptables` that an ordinary user's PATH often lacks.
const SYSTEM_DIRECTORIES: &str = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin";

/// Returns the test's PATH followed by the system directories.
pub(crate) fn path() -> String {
    match std::env::var_os("PATH").and_then(|path| path.into_string().ok()) {
        Some(path) if !path.is_empty() => format!("{path}:{SYSTEM_DIRECTORIES}"),
        _ => SYSTEM_DIRECTORIES.to_owned(),
    }
}

/// Returns the path of a program.
///
/// Given a path, the standard library can start the program with `posix_spawn`, which is cheaper
/// than `fork`.
pub(super) fn find(program: &OsStr) -> PathBuf {
    let (named, path) = (Path::new(program), path());
    let mut all = std::env::split_paths(&path).map(|directory| directory.join(program));
    let found =
        if named.components().count() == 1 { all.find(|path| path.is_file()) } else { None };
    found.unwrap_or_else(|| named.to_owned())
}
