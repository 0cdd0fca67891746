//! A plugin that stands in for the delegate of the plugin under test, and writes down its calls.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::scratch::Scratch;
use crate::judgement::{Judgement, expect};

const SCRIPT: &str = include_str!("stand-in.sh");

/// The stand-in, a shell script, so that nothing has to be installed for it.
#[derive(Clone, Debug)]
pub struct StandIn {
    directory: PathBuf,
}

/// A call of the stand-in.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// `CNI_COMMAND`.
    pub verb: String,
    /// Its whole environment.
    pub environment: BTreeMap<String, String>,
    /// Its input; null when that was no JSON.
    pub config: Value,
    /// Whether it came to its answer; false when it was killed before.
    pub answered: bool,
}

impl StandIn {
    /// The file name, as it stands in `type`.
    pub const NAME: &'static str = "stand-in";

    /// Puts it into a directory, as a plugin of this name.
    pub(super) fn install(directory: &Scratch, name: &str) -> Self {
        let state = directory.directory(&format!("{name}.d"));
        for part in ["calls", "on"] {
            state.directory(part);
        }
        let program = directory.outside().join(name);
        write(&program, &SCRIPT.replace("@HERE@", &state.inside().display().to_string()));
        let mode = fs::Permissions::from_mode(0o755);
        fs::set_permissions(&program, mode).unwrap_or_else(|error| panic!("{error}"));
        Self { directory: state.outside().to_owned() }
    }

    /// What it answers to the ADD of one attachment, unless it is told otherwise.
    pub(crate) fn on_add(&self, id: &str, ifname: &str, result: &Value) {
        // An id that is unfit for a file name never reaches a delegate.
        if !format!("{id}{ifname}").contains(['/', '\0']) && id.len() + ifname.len() < 240 {
            self.tell(&format!("ADD.{id}.{ifname}"), &print(&result.to_string()));
        }
    }

    /// It prints this on stdout.
    pub fn prints(&self, verb: &str, text: &str) -> &Self {
        self.tell(&format!("{verb}.stdout"), &print(text))
    }

    /// It prints this on stderr.
    pub fn complains(&self, verb: &str, text: &str) -> &Self {
        self.tell(&format!("{verb}.stderr"), text)
    }

    /// It ends with this exit status.
    pub fn exits(&self, verb: &str, status: u8) -> &Self {
        self.tell(&format!("{verb}.exit"), &status.to_string())
    }

    /// It fails with this error.
    pub fn fails(&self, verb: &str, code: u32, msg: &str) -> &Self {
        let error =
            json!({ "cniVersion": "0.4.0", "code": code, "msg": msg, "details": "stand-in" });
        self.prints(verb, &error.to_string()).exits(verb, 1)
    }

    /// It first runs this shell script; `$here` is its directory, see [`Self::file`].
    pub fn first_runs(&self, verb: &str, script: &str) -> &Self {
        self.tell(&format!("{verb}.before"), script)
    }

    /// It obeys again.
    pub fn obeys(&self, verb: &str) -> &Self {
        for part in ["stdout", "stderr", "exit", "before"] {
            // Not there when it was not told so.
            let _ = fs::remove_file(self.directory.join(format!("on/{verb}.{part}")));
        }
        self
    }

    /// A file beside its records, for what its scripts find out.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Its calls so far, in their order.
    pub fn calls(&self) -> Vec<Recorded> {
        let entries = fs::read_dir(self.directory.join("calls")).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "call"));
        paths.sort();
        paths.iter().map(|path| Recorded::read(path)).collect()
    }

    /// The verbs of its calls so far, VERSION left out, which a plugin may ask at any time.
    pub fn verbs(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.verb).filter(|verb| verb != "VERSION").collect()
    }

    /// It was called with this verb; the last such call.
    ///
    /// # Errors
    /// The finding that it was not.
    pub fn got(&self, verb: &str) -> Judgement<Recorded> {
        let verbs = self.verbs();
        expect(verbs.iter().any(|seen| seen == verb), format!("the delegate gets {verb}"), || {
            match verbs.as_slice() {
                [] => "the delegate got nothing".to_owned(),
                verbs => format!("the delegate got {}", verbs.join(", ")),
            }
        })?;
        let mut calls = self.calls();
        calls.retain(|call| call.verb == verb);
        Ok(calls.remove(calls.len() - 1))
    }

    /// Forgets the calls so far.
    pub fn forget(&self) -> &Self {
        let calls = self.directory.join("calls");
        let fresh = fs::remove_dir_all(&calls).and_then(|()| fs::create_dir(&calls));
        fresh.unwrap_or_else(|error| panic!("{}: {error}", calls.display()));
        self
    }

    fn tell(&self, file: &str, text: &str) -> &Self {
        write(&self.directory.join("on").join(file), text);
        self
    }
}

impl Recorded {
    fn read(path: &Path) -> Self {
        let call = fs::read(path).unwrap_or_default();
        // Each variable ends with a NUL byte, and the input follows.
        let end = call.iter().rposition(|byte| *byte == 0).map_or(0, |last| last + 1);
        let (environment, input) = call.split_at(end);
        let environment: BTreeMap<String, String> = String::from_utf8_lossy(environment)
            .split('\0')
            .filter_map(|pair| pair.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        Self {
            verb: environment.get("CNI_COMMAND").cloned().unwrap_or_default(),
            config: serde_json::from_slice(input).unwrap_or_default(),
            answered: path.with_extension("answered").exists(),
            environment,
        }
    }
}

/// The shell command that prints this, for a script that can so do without a process more.
fn print(text: &str) -> String {
    format!("printf %s '{}'", text.replace('\'', r"'\''"))
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("can't write {}: {error}", path.display()));
}
