//! Records the calls.

use std::env;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::files::next_to;
use cni_test_kit::{RecordLine, RecordedCall};
use rustix::time::{ClockId, clock_gettime};

/// Returns the number of recorded calls of this verb.
pub(crate) fn earlier(program: &Path, verb: &str) -> usize {
    let text = std::fs::read_to_string(next_to(program, "calls.jsonl")).unwrap_or_default();
    let lines = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    lines.filter(|line| matches!(line, RecordLine::Begin(call) if call.verb == verb)).count()
}

/// The record of the current call.
pub(crate) struct Recorder {
    path: PathBuf,
    call: RecordedCall,
}

impl Recorder {
    /// Takes the start time; nothing is written yet.
    pub(crate) fn new(program: &Path, verb: &str, argv0: &str) -> Self {
        let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
        let plugin = program.file_name().unwrap_or_default().to_owned();
        let call = RecordedCall {
            plugin: text(plugin),
            verb: verb.to_owned(),
            argv0: argv0.to_owned(),
            environment: env::vars_os().map(|(key, value)| (text(key), text(value))).collect(),
            stdin: None,
            config: None,
            pid: std::process::id(),
            start_ns: now(),
            end_ns: None,
        };
        Self { path: next_to(program, "calls.jsonl"), call }
    }

    /// Writes the call with its input.
    pub(crate) fn begin(&mut self, input: Option<&[u8]>) -> Result<(), String> {
        self.call.stdin = input.map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        self.call.config = input.and_then(|bytes| serde_json::from_slice(bytes).ok());
        self.append(&RecordLine::Begin(Box::new(self.call.clone())))
            .map_err(|error| format!("can't write {}: {error}", self.path.display()))
    }

    /// Writes that the call has ended.
    pub(crate) fn end(&self) {
        let RecordedCall { pid, start_ns, .. } = self.call;
        // Without this line the call counts as one that never ended. There is no way to report it.
        let _ = self.append(&RecordLine::End { pid, start_ns, end_ns: now() });
    }

    /// Appends a line in a single write, so that lines of concurrent calls don't mix.
    fn append(&self, line: &RecordLine) -> std::io::Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        OpenOptions::new().append(true).create(true).open(&self.path)?.write_all(&text)
    }
}

fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}
