//! The messages between the benchmark and its helper `bench-caller`, each a line of JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A program to start. A request is a list of calls, which are started at the same time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Call {
    /// The path of the program.
    pub(crate) program: String,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// Its whole environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// Its standard input, which becomes a regular file, as it does with Mesos.
    pub(crate) stdin: String,
    /// Whether to watch the memory of the process, which occupies a processor. Only for single
    /// calls whose time is not measured.
    pub(crate) watch: bool,
}

/// How a call ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Completion {
    /// From before its start until it had exited, in microseconds.
    pub(crate) micros: f64,
    /// The exit status, or the negative number of the signal that killed it.
    pub(crate) status: i32,
    /// The peak resident memory in KiB of the largest of it and the children that it waited for.
    pub(crate) peak_kib: u64,
    /// The peak resident memory of the process alone in KiB, if it was watched.
    pub(crate) own_kib: u64,
    /// Its output.
    pub(crate) stdout: String,
    /// Its diagnostic output.
    pub(crate) stderr: String,
}

/// The answer to a request.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// From before the first start until all had exited, in microseconds.
    pub(crate) micros: f64,
    /// In the order of the calls.
    pub(crate) completions: Vec<Completion>,
}
