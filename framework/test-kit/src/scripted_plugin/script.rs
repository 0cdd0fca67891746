//! What a scripted plugin (`cni-test-plugin`) does when it is called.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a scripted plugin does, verb by verb. As a file it is JSON of the same shape.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// What it does on the first calls of a verb, one after the other. Calls at the same time may
    /// count as one.
    pub at_first: BTreeMap<String, Vec<Behaviour>>,
    /// What it does on certain verbs (`ADD`, `DEL`, …).
    pub on: BTreeMap<String, Behaviour>,
    /// What it does on all others. By default it obeys.
    pub default: Behaviour,
}

impl Script {
    /// Obeys, whatever the verb.
    pub fn obey() -> Self {
        Self::default()
    }

    /// Does the same on every verb.
    pub fn always(behaviour: Behaviour) -> Self {
        Self { default: behaviour, ..Self::default() }
    }

    /// Does this on `verb`.
    pub fn on(mut self, verb: &str, behaviour: Behaviour) -> Self {
        self.on.insert(verb.to_owned(), behaviour);
        self
    }

    /// Does these on the first calls of `verb`, before it does what is scripted else.
    pub fn at_first(mut self, verb: &str, behaviours: impl IntoIterator<Item = Behaviour>) -> Self {
        self.at_first.insert(verb.to_owned(), behaviours.into_iter().collect());
        self
    }

    /// What it does on `verb` after so many calls of it.
    pub fn behaviour(&self, verb: &str, earlier: usize) -> &Behaviour {
        let first = self.at_first.get(verb).and_then(|first| first.get(earlier));
        first.or_else(|| self.on.get(verb)).unwrap_or(&self.default)
    }
}

/// What a scripted plugin does on one call, in the order of the fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Behaviour {
    /// Ignores SIGTERM, so that only SIGKILL ends it.
    pub ignore_term: bool,
    /// Prints that many blanks (legal before a JSON document) before it looks at its input.
    pub padding: usize,
    /// How it treats its input.
    pub stdin: StdinUse,
    /// Prints this on stderr.
    pub stderr: String,
    /// Leaves a child behind that keeps stdout and stderr open.
    pub background: Option<BackgroundChild>,
    /// Waits that many milliseconds before it answers.
    pub slow_ms: u64,
    /// What it prints, or what it does instead.
    pub answer: Answer,
    /// Its exit status, if not the answer's own (1 after an error, else 0).
    pub exit: Option<u8>,
}

/// How a scripted plugin treats its input.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StdinUse {
    /// Reads all of it.
    #[default]
    Read,
    /// Closes it at once, unread. It then doesn't know the version asked for and takes 0.1.0,
    /// unless the scripted result has a `cniVersion`.
    Close,
    /// Leaves it open and unread. The version as for `Close`.
    Ignore,
}

/// What a scripted plugin prints on stdout, or does instead.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// As the spec wants it: `prevResult`, or a result without addresses, on ADD; the versions on
    /// VERSION; nothing on other verbs.
    #[default]
    Obey,
    /// This result. Without a `cniVersion` it is taken as one of 1.x (`interfaces`, `ips`,
    /// `routes`, `dns`) and printed in the version asked for; with one, as it is.
    Result(Value),
    /// As `Obey`, but in this version, whatever was asked for.
    WrongVersion(String),
    /// This text.
    Raw(String),
    /// An error object; the exit status is 1.
    Error(ErrorAnswer),
    /// Text that is no JSON and no UTF-8 either.
    Garbage,
    /// A valid result, twice.
    TwoDocuments,
    /// Nothing.
    Empty,
    /// Never ends.
    Hang,
    /// Dies of the signal with this number.
    Crash(i32),
    /// Prints without sense.
    Flood(Flood),
}

/// An error object of the spec.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ErrorAnswer {
    /// The code.
    pub code: u32,
    /// The message.
    pub msg: String,
    /// The details; left out when empty.
    pub details: String,
}

/// A flood of output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flood {
    /// Where to.
    pub stream: Stream,
    /// How much; `None` is without end.
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
pub struct BackgroundChild {
    /// How long it lives.
    pub lives_ms: u64,
    /// Whether it has a session and process group of its own, so that a signal to the plugin's
    /// group does not reach it.
    pub own_session: bool,
}

impl Behaviour {
    /// Answers as the spec wants it.
    pub fn obey() -> Self {
        Self::default()
    }

    /// Gives this answer.
    pub fn answer(answer: Answer) -> Self {
        Self { answer, ..Self::default() }
    }

    /// Prints this result; see [`Answer::Result`].
    pub fn result(result: Value) -> Self {
        Self::answer(Answer::Result(result))
    }

    /// Prints this text.
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

    /// Obeys, but in this version.
    pub fn wrong_version(version: &str) -> Self {
        Self::answer(Answer::WrongVersion(version.to_owned()))
    }

    /// Prints text that is no JSON.
    pub fn garbage() -> Self {
        Self::answer(Answer::Garbage)
    }

    /// Prints two results.
    pub fn two_documents() -> Self {
        Self::answer(Answer::TwoDocuments)
    }

    /// Prints nothing, exits with 0.
    pub fn empty() -> Self {
        Self::answer(Answer::Empty)
    }

    /// Prints nothing, exits with this status.
    pub fn exit(status: u8) -> Self {
        Self::empty().exiting(status)
    }

    /// Never ends.
    pub fn hang() -> Self {
        Self::answer(Answer::Hang)
    }

    /// Dies of the signal with this number, such as 9 or 11.
    pub fn crash(signal: i32) -> Self {
        Self::answer(Answer::Crash(signal))
    }

    /// Prints `bytes` bytes, or without end, then exits with 0.
    pub fn flood(stream: Stream, bytes: Option<u64>) -> Self {
        Self::answer(Answer::Flood(Flood { stream, bytes }))
    }

    /// Obeys after a while.
    pub fn slow(time: Duration) -> Self {
        Self::obey().waiting(time)
    }

    /// Waits before it answers.
    pub fn waiting(mut self, time: Duration) -> Self {
        self.slow_ms = millis(time);
        self
    }

    /// Also prints this on stderr.
    pub fn with_stderr(mut self, stderr: &str) -> Self {
        stderr.clone_into(&mut self.stderr);
        self
    }

    /// Exits with this status, whatever it prints.
    pub fn exiting(mut self, status: u8) -> Self {
        self.exit = Some(status);
        self
    }

    /// Ignores SIGTERM.
    pub fn ignoring_term(mut self) -> Self {
        self.ignore_term = true;
        self
    }

    /// Leaves a child behind that keeps stdout and stderr open for `time`.
    pub fn leaving_child(mut self, time: Duration, own_session: bool) -> Self {
        self.background = Some(BackgroundChild { lives_ms: millis(time), own_session });
        self
    }

    /// Treats its input like this.
    pub fn with_stdin(mut self, stdin: StdinUse) -> Self {
        self.stdin = stdin;
        self
    }

    /// Prints this many blanks before it reads its input: with more than a pipe holds (64 KiB) it
    /// blocks a caller that writes everything before it reads.
    pub fn with_padding(mut self, bytes: usize) -> Self {
        self.padding = bytes;
        self
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}
