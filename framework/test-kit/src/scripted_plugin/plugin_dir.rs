//! Directories of plugins, for `CNI_PATH`.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::scripted_plugin::record::{RecordedCall, read_calls};
use crate::scripted_plugin::script::Script;
use crate::temp_dir::TempDir;

/// A directory of plugins, scripted ones above all; removed when it is dropped.
///
/// A scripted plugin `NAME` reads `NAME.script.json` beside it at every call, and appends to
/// `NAME.calls.jsonl`.
#[derive(Debug)]
pub struct PluginDir {
    directory: TempDir,
}

impl PluginDir {
    /// Makes an empty one.
    ///
    /// # Panics
    /// When the directory for temporary files can't be written, as do the other methods here.
    #[expect(clippy::new_without_default, reason = "it makes a directory and can fail")]
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

    /// Gives a scripted plugin a new script, from the next call on.
    pub fn script(&self, name: &str, script: &Script) {
        let path = self.file(name, "script.json");
        let next = self.file(name, "script.json.next");
        let text = serde_json::to_string_pretty(script);
        let text = text.unwrap_or_else(|error| panic!("a script that is no JSON: {error}"));
        let written = fs::write(&next, text).and_then(|()| fs::rename(&next, &path));
        written.unwrap_or_else(|error| panic!("can't write {}: {error}", path.display()));
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The path of a plugin in it.
    pub fn program(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// This directory, then `others`, in the form of `CNI_PATH`.
    pub fn cni_path_with(&self, others: &str) -> String {
        format!("{}:{others}", self.path().display())
    }

    /// The calls of a scripted plugin so far, by start.
    pub fn calls(&self, name: &str) -> Vec<RecordedCall> {
        let path = self.file(name, "calls.jsonl");
        let text = fs::read_to_string(&path).unwrap_or_default();
        read_calls(&text)
            .unwrap_or_else(|error| panic!("bad record in {}: {error}", path.display()))
    }

    /// The calls of all scripted plugins here, by start.
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

    /// The verbs of [`PluginDir::all_calls`], as `NAME VERB` each.
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

/// A hard link, so that the plugin is a file of its own with its own neighbours.
///
/// Where that is refused (another file system) `cp` makes a copy. Not we: a program that this
/// process has open for writing while another thread forks can't be started ("text file busy").
fn link(program: &Path, path: &Path) {
    if fs::hard_link(program, path).is_ok() {
        return;
    }
    let copied = Command::new("cp").arg("--").args([program, path]).status();
    let (program, path) = (program.display(), path.display());
    assert!(copied.is_ok_and(|status| status.success()), "can't copy {program} to {path}");
}
