//! What the bench and its helper `bench-caller` say to each other: a line of JSON each.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A program to be started. A request is a list of them, which are started at once.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Call {
    /// Its path.
    pub(crate) program: String,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
    /// Its whole environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// Its standard input, which is a regular file, as under Mesos.
    pub(crate) stdin: String,
    /// Whether its own memory is watched, which takes a processor: alone, and not while time is measured.
    pub(crate) watch: bool,
}

/// How one of them ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct End {
    /// From before its start until it had exited, in microseconds.
    pub(crate) micros: f64,
    /// The exit status; the negative number of the signal that killed it.
    pub(crate) status: i32,
    /// Peak resident memory of the largest process among it and its waited-for children, in KiB.
    pub(crate) peak_kib: u64,
    /// Peak resident memory of the process alone in KiB, if it was watched.
    pub(crate) own_kib: u64,
    /// What it printed.
    pub(crate) stdout: String,
    /// What it complained of.
    pub(crate) stderr: String,
}

/// The answer to a request.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Answer {
    /// From before the first start until all had exited, in microseconds.
    pub(crate) micros: f64,
    /// In the order of the calls.
    pub(crate) ends: Vec<End>,
}
