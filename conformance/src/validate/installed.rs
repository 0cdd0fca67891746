//! Whether a plugin is installed and supports a version.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use cni_protocol::SpecVersion;
use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::{Value, json};

use cni_test_kit::process::{self, Ended, Sink, Stdin};

/// The time limit of VERSION.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The plugins in some directories. Each is asked for its versions once.
pub(super) struct Installed {
    path: Vec<PathBuf>,
    asked: BTreeMap<String, Result<Vec<String>, String>>,
}

impl Installed {
    pub(super) fn on(path: &[PathBuf]) -> Self {
        Self { path: path.to_vec(), asked: BTreeMap::new() }
    }

    /// Returns why the plugin can't be called in this version, or `None` if it can.
    pub(super) fn problem(&mut self, name: &str, version: SpecVersion) -> Option<String> {
        if name.is_empty() || name.contains('/') {
            return Some(format!(
                "{name:?} is not a file name; `type` is the name of a plugin, not a path"
            ));
        }
        if self.path.is_empty() {
            return None;
        }
        let path = &self.path;
        match self.asked.entry(name.to_owned()).or_insert_with(|| versions(name, path)) {
            Err(why) => Some(why.clone()),
            Ok(versions) if versions.iter().any(|known| known == version.as_str()) => None,
            Ok(versions) => {
                let known = versions.join(", ");
                Some(format!(
                    "{name} does not support CNI {version}, in which it would be called; it \
                     supports {known}"
                ))
            }
        }
    }
}

/// Returns the versions that a plugin reports.
fn versions(name: &str, path: &[PathBuf]) -> Result<Vec<String>, String> {
    let files: Vec<PathBuf> = path.iter().map(|directory| directory.join(name)).collect();
    let Some(file) = files.iter().find(|file| is_executable(file)) else {
        let looked: Vec<_> = path.iter().map(|directory| directory.display().to_string()).collect();
        return Err(match files.iter().find(|file| file.exists()) {
            Some(file) => format!("{} is not executable", file.display()),
            None => format!("{name} is not in {}", looked.join(" or ")),
        });
    };
    let failed = |why: String| format!("{} did not report its versions: {why}", file.display());
    let output = call_version(file).map_err(|error| failed(error.to_string()))?;
    let answer: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    let listed = answer["supportedVersions"].as_array();
    let listed = listed.ok_or_else(|| failed(format!("it printed {answer}")))?;
    Ok(listed.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

/// Calls VERSION. A plugin that hangs is killed together with its children.
fn call_version(file: &Path) -> io::Result<Ended> {
    let input = Stdin::Bytes(json!({"cniVersion": "1.0.0"}).to_string().into_bytes());
    let mut group = None;
    let output = process::run(&input, [Sink::Kept; 2], TIMEOUT, |streams| {
        let mut command = Command::new(file);
        command.env_clear().env("CNI_COMMAND", "VERSION").process_group(0);
        streams.into(&mut command);
        let child = command.spawn()?;
        group = Some(Pid::from_child(&child));
        Ok(child)
    })?;
    if let (None, Some(group)) = (output.status, group) {
        // Fails only if no process of the group is left.
        let _ = kill_process_group(group, Signal::KILL);
        let (file, limit) = (file.display(), TIMEOUT.as_secs());
        return Err(io::Error::other(format!("{file} did not end within {limit} s")));
    }
    Ok(output)
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
