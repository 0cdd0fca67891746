//! Looks a delegate up: on CNI_PATH only, in order, an executable regular file.

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

/// The file that `type` names.
///
/// # Errors
///
/// Code 4 without CNI_PATH; code 7 when no directory on it has such a file, with what was found instead.
pub(super) fn find(call: &Call, delegate: &Object, verb: Verb) -> Result<PathBuf, Error> {
    let name = pass::name(delegate);
    let Some(path) = call.environment.get("CNI_PATH") else {
        let problem =
            format!("CNI_PATH is not set, and the delegate {name:?} has to be found on it");
        return Err(Error::Environment { problems: vec![problem] });
    };
    // Checked when the call was read, but a rewrite may have changed it since.
    if !is_plugin_name(name) {
        return Err(Error::config("delegate.type", format!("{name:?} is no file name")));
    }
    let mut unfit = None;
    for directory in env::split_paths(path).filter(|directory| !directory.as_os_str().is_empty()) {
        let file = directory.join(name);
        match fitness(&file) {
            Fitness::Fit => return Ok(file),
            Fitness::Unfit(why) => unfit = unfit.or(Some(format!(" ({} {why})", file.display()))),
            Fitness::Absent => {}
        }
    }
    let why = format!(
        "delegate.type: plugin {name:?} is not in CNI_PATH {}{}",
        path.to_string_lossy(),
        unfit.unwrap_or_default()
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
    Error::Delegate(Box::new(DelegateError { invocation, failure }))
}

enum Fitness {
    Fit,
    Unfit(&'static str),
    Absent,
}

/// A directory or a file without execute permission is passed over, so that it can't hide the plugin behind it.
fn fitness(file: &Path) -> Fitness {
    match fs::metadata(file) {
        Err(_) => Fitness::Absent,
        Ok(meta) if !meta.is_file() => Fitness::Unfit("is no regular file"),
        Ok(meta) if meta.permissions().mode() & 0o111 == 0 => Fitness::Unfit("is not executable"),
        Ok(_) => Fitness::Fit,
    }
}
