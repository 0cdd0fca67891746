//! What a scripted plugin records about each call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One call of a scripted plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedCall {
    /// The file name of the plugin.
    pub plugin: String,
    /// `CNI_COMMAND`, empty if it was not set.
    pub verb: String,
    /// The name with which it was started (`argv[0]`).
    pub argv0: String,
    /// The whole environment.
    pub environment: BTreeMap<String, String>,
    /// The input; `None` if the script made it not read its input.
    pub stdin: Option<String>,
    /// The input as JSON; `None` if it is not JSON.
    pub config: Option<Value>,
    /// The process id, in the plugin's own process namespace.
    pub pid: u32,
    /// The start time in nanoseconds of the monotonic clock, comparable between plugins.
    pub start_ns: u64,
    /// The end time; `None` if the plugin hung or died.
    pub end_ns: Option<u64>,
}

/// A line of the record file. A call appends one line when it begins and one when it ends, so that
/// a plugin that is killed in between is recorded too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordLine {
    /// A call has begun; its `end_ns` is `None`.
    Begin(Box<RecordedCall>),
    /// The call with this pid and start time has ended.
    End {
        /// As in [`RecordedCall::pid`].
        pid: u32,
        /// As in [`RecordedCall::start_ns`].
        start_ns: u64,
        /// As in [`RecordedCall::end_ns`].
        end_ns: u64,
    },
}

/// Returns the calls in a record file, ordered by start time.
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
