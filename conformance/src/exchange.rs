//! One call of a plugin, as a record.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::process::Ended;

/// One call of a plugin: all that went in and all that came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Exchange {
    /// What the call was, in words: `DEL without CNI_NETNS`.
    pub call: String,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// What the plugin read.
    pub stdin: String,
    /// What it printed.
    pub stdout: String,
    /// What it printed besides.
    pub stderr: String,
    /// Its exit status; absent when a signal ended it, or the harness at the deadline.
    pub exit: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// Whether a process that it left behind held its outputs open.
    pub held_open: bool,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// The CPU time of the plugin and of the processes that it waited for. Not in reports: it differs
    /// from run to run.
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

    /// The line for a shell that makes this call of `program` again. An input or output that was odd is a usual one there.
    pub fn command_line(&self, program: &Path) -> String {
        let variables: Vec<String> =
            self.environment.iter().map(|(key, value)| quoted(&format!("{key}={value}"))).collect();
        let program = quoted(&program.display().to_string());
        let variables = variables.join(" ");
        format!("printf %s {} | env -i {variables} {program}", quoted(&self.stdin))
    }

    /// How it ended, in words, with what it said: `exit 1: code 4: CNI_NETNS is missing`.
    pub fn ending(&self) -> String {
        let how = match (self.exit, self.signal) {
            (Some(status), _) => format!("exit {status}"),
            (None, Some(signal)) => format!("ended by signal {signal}"),
            (None, None) => format!("no end within {} ms", self.millis),
        };
        match self.words() {
            words if words.is_empty() => format!("{how}, nothing printed"),
            words => format!("{how}: {words}"),
        }
    }

    /// Its error in one line, or the beginning of what it printed.
    fn words(&self) -> String {
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

/// The word as a shell takes it: as it is when nothing in it is special.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The beginning of a text, in one line.
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
    fn an_ending_says_what_matters() {
        let error = r#"{"code": 4, "msg": "no netns", "details": "CNI_NETNS"}"#;
        let ending = exchange(Some(1), error, "noise").ending();
        assert_eq!(ending, "exit 1: code 4: no netns (CNI_NETNS)");
        assert_eq!(exchange(Some(0), "", "").ending(), "exit 0, nothing printed");
        assert_eq!(exchange(Some(2), "", "panic\n at x").ending(), "exit 2: panic at x");
        assert_eq!(exchange(None, "", "").ending(), "no end within 5 ms, nothing printed");
    }

    #[test]
    fn a_word_is_quoted_when_a_shell_would_take_it_apart() {
        assert_eq!(quoted("subjects/bridge.json"), "subjects/bridge.json");
        assert_eq!(quoted(r#"{"a": 1}"#), r#"'{"a": 1}'"#);
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn a_shell_makes_the_call_again_whatever_is_in_it() {
        let mut odd = exchange(Some(0), "", "");
        odd.stdin = "it's {\"a\": \"\\n%s $HOME `id`\"}\nend".to_owned();
        for (key, value) in [("CNI_ARGS", "A=b c;D='e'\n\"$F\""), ("PATH", "/usr/bin:/bin")] {
            odd.environment.insert(key.to_owned(), value.to_owned());
        }
        let directory = std::env::temp_dir().join(format!("it's odd {}", std::process::id()));
        std::fs::create_dir(&directory).unwrap();
        let program = directory.join("plug in");
        std::fs::write(&program, "#!/bin/sh\ncat; printf %s \"$CNI_ARGS\"; env | sort\n").unwrap();
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&program, executable).unwrap();
        let line = odd.command_line(&program);
        let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
        std::fs::remove_dir_all(&directory).unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let expected = format!("{}{}", odd.stdin, odd.environment["CNI_ARGS"]);
        assert!(said.starts_with(&expected), "{line}\n{said}");
        assert!(!said.contains("HOME="), "nothing but its own environment: {said}");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        let cut = shorten(&"é".repeat(1000));
        assert_eq!(cut.chars().count(), 301);
    }
}
