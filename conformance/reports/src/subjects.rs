//! The subject files, and where their plugins and reports are.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use cni_conformance::Subject;

use super::outcome::Outcome;

/// Returns the top directory of the checkout.
pub(crate) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.clone(), PathBuf::from)
}

/// Returns the names of the subject files.
pub(crate) fn names() -> Outcome<BTreeSet<String>> {
    let directory = root().join("conformance/subjects");
    let entries = fs::read_dir(&directory);
    let entries = entries.map_err(|error| format!("{}: {error}", directory.display()))?;
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some(name.strip_suffix(".json")?.to_owned())
    });
    Ok(names.collect())
}

/// Returns the path of a subject file.
pub(crate) fn file(name: &str) -> PathBuf {
    root().join("conformance/subjects").join(name).with_extension("json")
}

/// Returns whether the plugin is a program of this workspace.
pub(crate) fn is_ours(name: &str) -> bool {
    Subject::read(&file(name)).is_ok_and(|subject| subject.plugin.starts_with("target"))
}
