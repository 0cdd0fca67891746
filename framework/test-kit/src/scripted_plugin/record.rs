//! What a scripted plugin writes down about each call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One call of a scripted plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedCall {
    /// The file name of the plugin.
    pub plugin: String,
    /// `CNI_COMMAND`, empty when it was not set.
    pub verb: String,
    /// The name it was started with (`argv[0]`).
    pub argv0: String,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// Its input; `None` when the script kept it from reading.
    pub stdin: Option<String>,
    /// Its input as JSON; `None` when it is not.
    pub config: Option<Value>,
    /// Its process id, as it saw it.
    pub pid: u32,
    /// When it started: nanoseconds of the monotonic clock, comparable between plugins.
    pub start_ns: u64,
    /// When it answered; `None` when it hung or died.
    pub end_ns: Option<u64>,
}

/// A line of the file of records. A call makes a line when it begins and one when it ends, so that
/// a plugin that is killed in between is seen too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordLine {
    /// The call, with `end_ns` still open.
    Begin(Box<RecordedCall>),
    /// The call with this pid and start has ended.
    End {
        /// As in [`RecordedCall::pid`].
        pid: u32,
        /// As in [`RecordedCall::start_ns`].
        start_ns: u64,
        /// As in [`RecordedCall::end_ns`].
        end_ns: u64,
    },
}

/// The calls in a file of records, by start.
pub(crate) fn read_calls(text: &str) -> Result<Vec<RecordedCall>, serde_json::Error> {
    let mut calls = Vec::<RecordedCall>::new();
    for line in text.lines() {
        match serde_json::from_str(line)? {
            RecordLine::Begin(call) => calls.push(*call),
            RecordLine::End { pid, start_ns, end_ns } => calls
                .iter_mut()
                .filter(|call| (call.pid, call.start_ns) == (pid, start_ns))
                .for_each(|call| call.end_ns = Some(end_ns)),
        }
    }
    calls.sort_by_key(|call| call.start_ns);
    Ok(calls)
}
