//! The systemd units of the package, whose commands the tests run as systemd does.

use std::path::{Path, PathBuf};
use std::process::Command;

use cni_test_kit::TempDir;

use super::plugin;

/// Where the units expect the plugin.
pub(crate) const INSTALLED: &str = "/usr/lib/cni/mesos-cni-port-mapper";

/// A unit file.
pub(crate) struct Unit {
    pub(crate) name: &'static str,
    text: String,
}

impl Unit {
    pub(crate) fn read(name: &'static str) -> Self {
        let text = std::fs::read_to_string(directory().join(name)).expect("a unit");
        Self { name, text }
    }

    /// Returns the value of a key, in one line.
    pub(crate) fn value(&self, key: &str) -> String {
        let text = self.text.replace("\\\n", " ");
        let of = |line: &str| Some(line.strip_prefix(key)?.strip_prefix('=')?.to_owned());
        text.lines().find_map(of).unwrap_or_else(|| panic!("no {key} in {}", self.name))
    }

    /// Returns the value of a key such as `ExecStart` for a shell. It runs the plugin under test,
    /// with no more privileges than the unit grants.
    pub(crate) fn command(&self, key: &str) -> String {
        let line = self.value(key);
        assert!(line.contains(INSTALLED), "{line}");
        // systemd and a shell would read these differently.
        assert!(!line.contains(['$', '%']), "{line}");
        let capabilities: String = self
            .value("CapabilityBoundingSet")
            .split(' ')
            .map(|name| format!(",+{}", name.trim_start_matches("CAP_").to_lowercase()))
            .collect();
        let line = line.replace(INSTALLED, &format!("\"{}\"", plugin().display()));
        format!("exec setpriv --no-new-privs --bounding-set -all{capabilities} {line}")
    }

    /// Checks that systemd-analyze finds nothing wrong with the unit.
    #[track_caller]
    pub(crate) fn verify(&self) {
        let dir = TempDir::new();
        // A link, since spaces in a path would have to be escaped.
        let program = dir.path().join("mesos-cni-port-mapper");
        std::os::unix::fs::symlink(plugin(), &program).expect("a link");
        let text = self.text.replace(INSTALLED, &program.display().to_string());
        let path = dir.path().join(self.name);
        std::fs::write(&path, text).expect("written");
        let verified = Command::new("systemd-analyze").arg("verify").arg(&path).output();
        let verified = verified.expect("systemd-analyze runs");
        let stderr = String::from_utf8_lossy(&verified.stderr);
        assert!(verified.status.success() && stderr.is_empty(), "{stderr}");
    }
}

/// Returns the directory of the units.
pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist/systemd")
}
