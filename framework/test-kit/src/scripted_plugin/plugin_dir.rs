//! Directories of plugins, for `CNI_PATH`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scripted_plugin::record::{RecordedCall, read_calls};
use crate::scripted_plugin::script::Script;
use crate::temp_dir::TempDir;

/// A directory of plugins, mainly scripted ones. It is removed when it is dropped.
///
/// A scripted plugin `NAME` reads `NAME.script.json` next to it at every call, and appends to
/// `NAME.calls.jsonl`.
#[derive(Debug)]
pub struct PluginDir {
    directory: TempDir,
}

impl PluginDir {
    /// Creates an empty directory.
    ///
    /// # Panics
    /// If the directory for temporary files can't be written. The other methods panic likewise.
    #[expect(clippy::new_without_default, reason = "it creates a directory and can fail")]
    pub fn new() -> Self {
        Self { directory: TempDir::new() }
    }

    /// Adds a scripted plugin under this file name.
    pub fn with(self, name: &str, script: &Script) -> Self {
        self.script(name, script);
        link(&crate::binary::binary("cni-test-plugin"), &self.program(name));
        self
    }

    /// Adds any program, such as the wrapper under test, under this file name.
    pub fn with_program(self, name: &str, program: impl AsRef<Path>) -> Self {
        link(program.as_ref(), &self.program(name));
        self
    }

    /// Replaces the script of a scripted plugin, from the next call on.
    pub fn script(&self, name: &str, script: &Script) {
        let path = self.file(name, "script.json");
        let next = self.file(name, "script.json.next");
        let text = serde_json::to_string_pretty(script);
        let text = text.unwrap_or_else(|error| panic!("can't serialize a script: {error}"));
        let written = fs::write(&next, text).and_then(|()| fs::rename(&next, &path));
        written.unwrap_or_else(|error| panic!("can't write {}: {error}", path.display()));
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the path of a plugin in the directory.
    pub fn program(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Returns this directory followed by `others`, in the form of `CNI_PATH`.
    pub fn cni_path_with(&self, others: &str) -> String {
        format!("{}:{others}", self.path().display())
    }

    /// Returns the calls of a scripted plugin so far, ordered by start time.
    pub fn calls(&self, name: &str) -> Vec<RecordedCall> {
        let path = self.file(name, "calls.jsonl");
        let text = fs::read_to_string(&path).unwrap_or_default();
        read_calls(&text)
            .unwrap_or_else(|error| panic!("bad record in {}: {error}", path.display()))
    }

    /// Returns the calls of all scripted plugins in the directory, ordered by start time.
    pub fn all_calls(&self) -> Vec<RecordedCall> {
        let entries = fs::read_dir(self.path()).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut calls: Vec<_> = names
            .filter_map(|name| name.strip_suffix(".calls.jsonl").map(|name| self.calls(name)))
            .flatten()
            .collect();
        calls.sort_by_key(|call| call.start_ns);
        calls
    }

    /// Returns [`PluginDir::all_calls`] as `NAME VERB` each.
    pub fn verbs(&self) -> Vec<String> {
        self.all_calls().iter().map(|call| format!("{} {}", call.plugin, call.verb)).collect()
    }

    fn file(&self, name: &str, ending: &str) -> PathBuf {
        self.path().join(format!("{name}.{ending}"))
    }
}

impl AsRef<OsStr> for PluginDir {
    fn as_ref(&self) -> &OsStr {
        self.path().as_os_str()
    }
}

/// Creates a hard link, so that the plugin is a separate file with its own script next to it.
///
/// On another file system `cp` makes a copy. This process must not copy it: a program that is open
/// for writing while another thread forks can't be started ("text file busy").
fn link(program: &Path, path: &Path) {
    if fs::hard_link(program, path).is_ok() {
        return;
    }
    let copied = Command::new("cp").arg("--").args([program, path]).status();
    let (program, path) = (program.display(), path.display());
    assert!(copied.is_ok_and(|status| status.success()), "can't copy {program} to {path}");
}
