//! The static programs of the package, built once for all tests.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The plugins in the package.
pub(crate) const PLUGINS: [&str; 4] =
    ["mesos-cni-port-mapper", "cni-guard", "cni-label-policy", "cni-trace"];

/// Builds the programs if necessary. Returns their directory.
pub(crate) fn directory() -> PathBuf {
    PathBuf::from(cni_dist(&["programs", "--debug"]).trim())
}

/// Runs `cni-dist`. Returns its stdout.
#[track_caller]
pub(crate) fn cni_dist(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cni-dist")).args(args).output();
    let output = output.expect("cni-dist runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Returns the top directory of the checkout.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).expect("plugins/dist is two below the top").to_owned()
}
