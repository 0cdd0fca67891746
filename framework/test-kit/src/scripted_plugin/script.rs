//! The behaviour of a scripted plugin (`cni-test-plugin`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The behaviour of a scripted plugin for each verb. It is stored as JSON of the same structure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Script {
    /// The behaviours for the first calls of a verb, in order. Concurrent calls may count as one.
    pub at_first: BTreeMap<String, Vec<Behaviour>>,
    /// The behaviours for certain verbs (`ADD`, `DEL`, …).
    pub on: BTreeMap<String, Behaviour>,
    /// The behaviour for all other verbs. By default the plugin succeeds.
    pub default: Behaviour,
}

impl Script {
    /// Returns a script that succeeds on every verb.
    pub fn succeed() -> Self {
        Self::default()
    }

    /// Returns a script with one behaviour for every verb.
    pub fn always(behaviour: Behaviour) -> Self {
        Self { default: behaviour, ..Self::default() }
    }

    /// Sets the behaviour for `verb`.
    pub fn on(mut self, verb: &str, behaviour: Behaviour) -> Self {
        self.on.insert(verb.to_owned(), behaviour);
        self
    }

    /// Sets the behaviours for the first calls of `verb`, before its other behaviour applies.
    pub fn at_first(mut self, verb: &str, behaviours: impl IntoIterator<Item = Behaviour>) -> Self {
        self.at_first.insert(verb.to_owned(), behaviours.into_iter().collect());
        self
    }

    /// Returns the behaviour for `verb` after a number of earlier calls of it.
    pub fn behaviour(&self, verb: &str, earlier: usize) -> &Behaviour {
        let first = self.at_first.get(verb).and_then(|first| first.get(earlier));
        first.or_else(|| self.on.get(verb)).unwrap_or(&self.default)
    }
}

/// What a scripted plugin does in one call, in the order of the fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Behaviour {
    /// Ignores SIGTERM, so that only SIGKILL terminates it.
    pub ignore_term: bool,
    /// Prints this many spaces (valid before a JSON document) before it reads its input.
    pub padding: usize,
    /// How it treats its input.
    pub stdin: StdinUse,
    /// Prints this text to stderr.
    pub stderr: String,
    /// Leaves a child process behind that keeps stdout and stderr open.
    pub background: Option<BackgroundChild>,
    /// Waits this many milliseconds before it answers.
    pub slow_ms: u64,
    /// What it prints to stdout, or does instead.
    pub answer: Answer,
    /// The exit status, if it differs from the answer's (1 for an error, otherwise 0).
    pub exit: Option<u8>,
}

/// How a scripted plugin treats its input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum StdinUse {
    /// Reads all input.
    #[default]
    Read,
    /// Closes stdin immediately without reading. Since the requested version is then unknown, it
    /// answers in 0.1.0 unless the scripted result has a `cniVersion`.
    Close,
    /// Leaves stdin open without reading. The version is as for `Close`.
    Ignore,
}

/// What a scripted plugin prints to stdout, or does instead.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// What the specification requires: on ADD `prevResult` or a result without addresses, on
    /// VERSION the versions, and nothing on other verbs.
    #[default]
    Succeed,
    /// A result. Without a `cniVersion` it is a result of 1.x (`interfaces`, `ips`, `routes`,
    /// `dns`) that is printed in the requested version; with a `cniVersion` it is printed
    /// unchanged.
    Result(Value),
    /// As `Succeed`, but always in this version.
    WrongVersion(String),
    /// A text.
    Raw(String),
    /// An error object, with exit status 1.
    Error(ErrorAnswer),
    /// Bytes that are neither JSON nor UTF-8.
    Garbage,
    /// A valid result, twice.
    TwoDocuments,
    /// Nothing.
    Empty,
    /// Never exits.
    Hang,
    /// Is terminated by the signal with this number.
    Crash(i32),
    /// Prints a flood of output.
    Flood(Flood),
}

/// An error object of the specification.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct ErrorAnswer {
    /// The error code.
    pub code: u32,
    /// The error message.
    pub msg: String,
    /// The details; omitted if empty.
    pub details: String,
}

/// The stream and the size of a flood of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Flood {
    /// The stream that is written to.
    pub stream: Stream,
    /// The number of bytes; `None` means endless.
    pub bytes: Option<u64>,
}

/// An output stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A child that outlives the plugin and keeps its stdout and stderr open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct BackgroundChild {
    /// How long it runs.
    pub lives_ms: u64,
    /// Whether it has its own session and process group, so that a signal to the plugin's group
    /// does not reach it.
    pub own_session: bool,
}

impl Behaviour {
    /// Answers as the specification requires.
    pub fn succeed() -> Self {
        Self::default()
    }

    /// Returns a behaviour with this answer.
    pub fn answer(answer: Answer) -> Self {
        Self { answer, ..Self::default() }
    }

    /// Prints a result; see [`Answer::Result`].
    pub fn result(result: Value) -> Self {
        Self::answer(Answer::Result(result))
    }

    /// Prints a text.
    pub fn raw(text: &str) -> Self {
        Self::answer(Answer::Raw(text.to_owned()))
    }

    /// Prints an error object and exits with 1.
    pub fn error(code: u32, msg: &str) -> Self {
        let (msg, details) = (msg.to_owned(), String::new());
        Self::answer(Answer::Error(ErrorAnswer { code, msg, details }))
    }

    /// Prints an error object and exits with 0.
    pub fn error_with_exit_zero(code: u32, msg: &str) -> Self {
        Self::error(code, msg).exiting(0)
    }

    /// Succeeds, but answers in this version.
    pub fn wrong_version(version: &str) -> Self {
        Self::answer(Answer::WrongVersion(version.to_owned()))
    }

    /// Prints bytes that are not JSON.
    pub fn garbage() -> Self {
        Self::answer(Answer::Garbage)
    }

    /// Prints two results.
    pub fn two_documents() -> Self {
        Self::answer(Answer::TwoDocuments)
    }

    /// Prints nothing and exits with 0.
    pub fn empty() -> Self {
        Self::answer(Answer::Empty)
    }

    /// Prints nothing and exits with this status.
    pub fn exit(status: u8) -> Self {
        Self::empty().exiting(status)
    }

    /// Never exits.
    pub fn hang() -> Self {
        Self::answer(Answer::Hang)
    }

    /// Is terminated by the signal with this number, such as 9 or 11.
    pub fn crash(signal: i32) -> Self {
        Self::answer(Answer::Crash(signal))
    }

    /// Prints `bytes` bytes, or endlessly, then exits with 0.
    pub fn flood(stream: Stream, bytes: Option<u64>) -> Self {
        Self::answer(Answer::Flood(Flood { stream, bytes }))
    }

    /// Succeeds after a delay.
    pub fn slow(time: Duration) -> Self {
        Self::succeed().waiting(time)
    }

    /// Adds a delay before the answer.
    pub fn waiting(mut self, time: Duration) -> Self {
        self.slow_ms = millis(time);
        self
    }

    /// Also prints this text to stderr.
    pub fn with_stderr(mut self, stderr: &str) -> Self {
        stderr.clone_into(&mut self.stderr);
        self
    }

    /// Sets the exit status, independently of the answer.
    pub fn exiting(mut self, status: u8) -> Self {
        self.exit = Some(status);
        self
    }

    /// Makes the plugin ignore SIGTERM.
    pub fn ignoring_term(mut self) -> Self {
        self.ignore_term = true;
        self
    }

    /// Leaves a child process behind that keeps stdout and stderr open for `time`.
    pub fn leaving_child(mut self, time: Duration, own_session: bool) -> Self {
        self.background = Some(BackgroundChild { lives_ms: millis(time), own_session });
        self
    }

    /// Sets how the plugin treats its input.
    pub fn with_stdin(mut self, stdin: StdinUse) -> Self {
        self.stdin = stdin;
        self
    }

    /// Prints this many spaces before it reads its input.
    ///
    /// More than the capacity of a pipe (64 KiB) blocks a caller that writes everything before it
    /// reads.
    pub fn with_padding(mut self, bytes: usize) -> Self {
        self.padding = bytes;
        self
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}
