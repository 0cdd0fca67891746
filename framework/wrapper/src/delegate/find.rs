//! Finds the file of a delegate: an executable regular file in CNI_PATH, the first one in its
//! order.

use std::{
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use cni_protocol::{Object, Verb, is_plugin_name};

use crate::{
    call::Call,
    error::{DelegateError, DelegateFailure, Error, Invocation},
};

use super::pass;

/// Returns the file of the delegate's `type`.
///
/// # Errors
///
/// Code 4 without CNI_PATH; code 7 if no directory in it has the file, or if it is not executable.
pub(super) fn find(call: &Call, delegate: &Object, verb: Verb) -> Result<PathBuf, Error> {
    let name = pass::name(delegate);
    let Some(path) = call.environment.get("CNI_PATH") else {
        let problem = format!("CNI_PATH is not set, but the delegate {name:?} must be found in it");
        return Err(Error::Environment { problems: vec![problem] });
    };
    // It was checked when the call was read, but a rewrite may have changed it.
    if !is_plugin_name(name) {
        return Err(Error::config("delegate.type", format!("{name:?} is not a file name")));
    }
    let mut unusable = None;
    for directory in env::split_paths(path).filter(|directory| !directory.as_os_str().is_empty()) {
        let file = directory.join(name);
        match examine(&file) {
            Candidate::Executable => return Ok(file),
            Candidate::Unusable(why) => {
                unusable = unusable.or(Some(format!(" ({} {why})", file.display())))
            }
            Candidate::Missing => {}
        }
    }
    let why = format!(
        "delegate.type: plugin {name:?} is not in CNI_PATH {}{}",
        path.to_string_lossy(),
        unusable.unwrap_or_default()
    );
    Err(not_found(name, verb, why))
}

fn not_found(name: &str, verb: Verb, why: String) -> Error {
    let invocation = Invocation {
        plugin: name.to_owned(),
        verb,
        path: None,
        took: Duration::ZERO,
        stderr: String::new(),
    };
    let failure = DelegateFailure::NotFound { why };
    Error::Delegate(Box::new(DelegateError { invocation, failure, remedy: None }))
}

enum Candidate {
    Executable,
    Unusable(&'static str),
    Missing,
}

/// An unusable file is skipped, so that it can't hide the plugin in a later directory.
fn examine(file: &Path) -> Candidate {
    match fs::metadata(file) {
        Err(_) => Candidate::Missing,
        Ok(meta) if !meta.is_file() => Candidate::Unusable("is not a regular file"),
        Ok(meta) if meta.permissions().mode() & 0o111 == 0 => {
            Candidate::Unusable("is not executable")
        }
        Ok(_) => Candidate::Executable,
    }
}
