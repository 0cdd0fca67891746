//! The record of one call of a plugin.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use cni_test_kit::process::Ended;

/// One call of a plugin with its complete input and output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// A label for the call: `DEL without CNI_NETNS`.
    pub call: String,
    /// The complete environment.
    pub environment: BTreeMap<String, String>,
    /// The input of the plugin.
    pub stdin: String,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// Its exit status; absent if it was killed by a signal or at the deadline.
    pub exit: Option<i32>,
    /// The signal that killed it.
    pub signal: Option<i32>,
    /// Whether a process that it left behind kept its outputs open.
    pub held_open: bool,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// The CPU time of the plugin and of the processes that it waited for. It is not in reports,
    /// since it differs from run to run.
    #[serde(skip)]
    pub cpu: Duration,
}

impl Exchange {
    pub(crate) fn new(
        call: String,
        environment: BTreeMap<String, String>,
        stdin: &[u8],
        ended: &Ended,
    ) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            call,
            environment,
            stdin: text(stdin),
            stdout: text(&ended.stdout),
            stderr: text(&ended.stderr),
            exit: ended.status.and_then(|status| status.code()),
            signal: ended.status.and_then(|status| status.signal()),
            held_open: ended.held_open,
            millis: ended.took.as_millis().try_into().unwrap_or(u64::MAX),
            cpu: ended.cpu,
        }
    }

    /// Returns a shell command that repeats this call of `program`, with ordinary streams.
    pub fn command_line(&self, program: &Path) -> String {
        let variables: Vec<String> =
            self.environment.iter().map(|(key, value)| quoted(&format!("{key}={value}"))).collect();
        let program = quoted(&program.display().to_string());
        let variables = variables.join(" ");
        format!("printf %s {} | env -i {variables} {program}", quoted(&self.stdin))
    }

    /// Returns how it ended, with its output: `exit 1: code 4: CNI_NETNS is missing`.
    pub fn ending(&self) -> String {
        let how = match (self.exit, self.signal) {
            (Some(status), _) => format!("exit {status}"),
            (None, Some(signal)) => format!("killed by signal {signal}"),
            (None, None) => format!("still running after {} ms", self.millis),
        };
        match self.message() {
            message if message.is_empty() => format!("{how}, no output"),
            message => format!("{how}: {message}"),
        }
    }

    /// Returns its error in one line, or the beginning of its output.
    fn message(&self) -> String {
        let error: Option<serde_json::Value> = serde_json::from_str(&self.stdout).ok();
        if let Some(code) = error.as_ref().and_then(|error| error.get("code")) {
            let text = |key| error.as_ref()?.get(key)?.as_str();
            let details = text("details").map(|text| format!(" ({text})")).unwrap_or_default();
            return format!("code {code}: {}{details}", text("msg").unwrap_or("no msg"));
        }
        let shown = if self.stdout.trim().is_empty() { &self.stderr } else { &self.stdout };
        shorten(shown.trim())
    }
}

/// Quotes a word for a shell, if it has special characters.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// Returns the beginning of a text, in one line.
pub(crate) fn shorten(text: &str) -> String {
    const SHOWN: usize = 300;
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(exit: Option<i32>, stdout: &str, stderr: &str) -> Exchange {
        Exchange {
            call: "ADD".to_owned(),
            environment: BTreeMap::new(),
            stdin: String::new(),
            stdout: stdout.to_owned(),
            stderr: stderr.to_owned(),
            exit,
            signal: None,
            held_open: false,
            millis: 5,
            cpu: Duration::ZERO,
        }
    }

    #[test]
    fn an_ending_has_the_status_and_the_error() {
        let error = r#"{"code": 4, "msg": "no netns", "details": "CNI_NETNS"}"#;
        let ending = exchange(Some(1), error, "noise").ending();
        assert_eq!(ending, "exit 1: code 4: no netns (CNI_NETNS)");
        assert_eq!(exchange(Some(0), "", "").ending(), "exit 0, no output");
        assert_eq!(exchange(Some(2), "", "panic\n at x").ending(), "exit 2: panic at x");
        assert_eq!(exchange(None, "", "").ending(), "still running after 5 ms, no output");
    }

    #[test]
    fn a_word_with_special_characters_is_quoted() {
        assert_eq!(quoted("subjects/bridge.json"), "subjects/bridge.json");
        assert_eq!(quoted(r#"{"a": 1}"#), r#"'{"a": 1}'"#);
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_shell_repeats_a_call_with_any_characters() {
        let mut call = exchange(Some(0), "", "");
        call.stdin = "it's {\"a\": \"\\n%s $HOME `id`\"}\nend".to_owned();
        for (key, value) in [("CNI_ARGS", "A=b c;D='e'\n\"$F\""), ("PATH", "/usr/bin:/bin")] {
            call.environment.insert(key.to_owned(), value.to_owned());
        }
        let temporary = cni_test_kit::TempDir::new();
        let directory = temporary.path().join("it's a directory");
        std::fs::create_dir(&directory).unwrap();
        let program = directory.join("plug in");
        std::fs::write(&program, "#!/bin/sh\ncat; printf %s \"$CNI_ARGS\"; env | sort\n").unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, executable).unwrap();
        let line = call.command_line(&program);
        let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        let expected = format!("{}{}", call.stdin, call.environment["CNI_ARGS"]);
        assert!(printed.starts_with(&expected), "{line}\n{printed}");
        assert!(!printed.contains("HOME="), "only its own environment: {printed}");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let cut = shorten(&"é".repeat(1000));
        assert_eq!(cut.chars().count(), 301);
    }
}
