//! One call of a plugin, as a record.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;

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
        }
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
    fn long_texts_are_cut_between_characters() {
        let cut = shorten(&"é".repeat(1000));
        assert_eq!(cut.chars().count(), 301);
    }
}
