//! Is a plugin there, and does it speak the version?

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cni_wrapper::exec::{Execution, Limits, run};
use cni_wrapper::{SpecVersion, block_on};
use serde_json::{Value, json};

/// What a plugin that hangs may cost.
const PATIENCE: Duration = Duration::from_secs(3);

/// Plugins on a path; each is asked once.
pub(super) struct Installed {
    path: Vec<PathBuf>,
    asked: BTreeMap<String, Result<Vec<String>, String>>,
}

impl Installed {
    pub(super) fn on(path: &[PathBuf]) -> Self {
        Self { path: path.to_vec(), asked: BTreeMap::new() }
    }

    /// Why a plugin of this name can't be called in this version, if so.
    pub(super) fn lacks(&mut self, name: &str, version: SpecVersion) -> Option<String> {
        if name.is_empty() || name.contains('/') {
            return Some(format!(
                "{name:?} is not a file name; give the name of a plugin, not a path"
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
                    "{name} does not speak CNI {version}, in which it will be called; it speaks {known}"
                ))
            }
        }
    }
}

/// The versions that a plugin says it speaks.
fn versions(name: &str, path: &[PathBuf]) -> Result<Vec<String>, String> {
    let files: Vec<PathBuf> = path.iter().map(|directory| directory.join(name)).collect();
    let Some(file) = files.iter().find(|file| is_executable(file)) else {
        let looked: Vec<_> = path.iter().map(|directory| directory.display().to_string()).collect();
        return Err(match files.iter().find(|file| file.exists()) {
            Some(file) => format!("{} is not executable", file.display()),
            None => format!("{name} is in none of {}", looked.join(", ")),
        });
    };
    let failed =
        |why: String| format!("{} could not be asked for its versions: {why}", file.display());
    let question = Execution {
        program: file.clone(),
        args: Vec::new(),
        environment: vec![("CNI_COMMAND".into(), "VERSION".into())],
        stdin: json!({"cniVersion": "1.0.0"}).to_string().into_bytes(),
        limits: Limits { deadline: PATIENCE, ..Limits::default() },
    };
    let asked = block_on(run(&question)).map_err(|error| error.to_string())?;
    let output = asked.map_err(|error| failed(error.to_string()))?;
    let answer: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| failed(error.to_string()))?;
    let listed = answer["supportedVersions"].as_array();
    let listed = listed.ok_or_else(|| failed(format!("it says {answer}")))?;
    Ok(listed.iter().filter_map(Value::as_str).map(str::to_owned).collect())
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}
