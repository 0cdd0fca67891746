//! The workspace that a new plugin becomes a member of.

use std::fs;
use std::path::{Path, PathBuf};

use super::write;
use crate::run::{Outcome, cargo, root};
use cni_output::outln;

/// The workspace of an author, whose directory contains that of the new plugin.
pub(super) struct Workspace {
    manifest: PathBuf,
}

impl Workspace {
    /// Returns the innermost workspace around a directory, which need not exist.
    pub(super) fn around(at: &Path) -> Option<Self> {
        let manifests = at.ancestors().skip(1).map(|directory| directory.join("Cargo.toml"));
        let is_workspace = |manifest: &PathBuf| {
            let text = fs::read_to_string(manifest).unwrap_or_default();
            text.lines().any(|line| line.trim_end() == "[workspace]")
        };
        manifests.into_iter().find(is_workspace).map(|manifest| Self { manifest })
    }

    /// Makes a crate a member, unless a pattern includes it already.
    pub(super) fn add(&self, krate: &Path) -> Outcome {
        if is_accepted(krate) {
            return Ok(());
        }
        let directory = self.manifest.parent().unwrap_or(Path::new("/"));
        let member = krate.strip_prefix(directory).unwrap_or(krate).display().to_string();
        let text = fs::read_to_string(&self.manifest).unwrap_or_default();
        if let Some(text) = with_member(&text, &member) {
            write(&self.manifest, &text)?;
        }
        if is_accepted(krate) {
            return Ok(());
        }
        write(&self.manifest, &text)?;
        outln!("add {member:?} to the `members` of {}", self.manifest.display());
        Ok(())
    }
}

/// Returns whether cargo finds the workspace of a crate, or that it has none.
fn is_accepted(krate: &Path) -> bool {
    let args = ["metadata", "--no-deps", "--format-version", "1"];
    let output = cargo(&args).current_dir(krate).output();
    output.is_ok_and(|output| output.status.success())
}

/// Adds a member to the manifest of a workspace; `None` if it has no list of them.
fn with_member(manifest: &str, member: &str) -> Option<String> {
    let list = manifest.find("\nmembers")?;
    let begin = list + manifest[list..].find('[')? + 1;
    let (before, after) = manifest.split_at(begin);
    let separator = if after.trim_start().starts_with(']') { "" } else { ", " };
    let separator = if after.starts_with('\n') { "," } else { separator };
    let indent = if after.starts_with('\n') { "\n    " } else { "" };
    Some(format!("{before}{indent}{member:?}{separator}{after}"))
}

/// Makes `plugins/NAME` a member of this workspace.
pub(super) fn join_this(name: &str) -> Outcome {
    let path = root().join("Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(|error| format!("Cargo.toml: {error}"))?;
    let before = "    \"conformance\",\n";
    let member = format!("    \"plugins/{name}\",\n{before}");
    write(&path, &manifest.replacen(before, &member, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_added_to_the_list() {
        let added = |manifest| with_member(manifest, "x/y");
        let one_line = "[workspace]\nmembers = [\"a\"]\n";
        assert_eq!(added(one_line).unwrap(), "[workspace]\nmembers = [\"x/y\", \"a\"]\n");
        let empty = "[workspace]\nmembers = []\n";
        assert_eq!(added(empty).unwrap(), "[workspace]\nmembers = [\"x/y\"]\n");
        let lines = "[workspace]\nmembers = [\n    \"a\",\n]\n";
        let expected = "[workspace]\nmembers = [\n    \"x/y\",\n    \"a\",\n]\n";
        assert_eq!(added(lines).unwrap(), expected);
        assert_eq!(added("[workspace]\n"), None);
    }
}
