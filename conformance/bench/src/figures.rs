//! The figures: plain data for the JSON file, the tables, the thresholds and the chart.

use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::rows::Kind;

/// The figures of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// The version of this format.
    pub(crate) version: u32,
    pub(crate) machine: Machine,
    /// The numbers of existing mappings.
    pub(crate) existing: Vec<usize>,
    /// The numbers of existing mappings with which concurrent calls were measured.
    pub(crate) concurrent: Vec<usize>,
    pub(crate) rows: Vec<RowFigures>,
}

/// The figures of a row.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RowFigures {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// All failures, each once.
    pub(crate) failures: Vec<String>,
    /// The size of the program's file.
    pub(crate) binary_bytes: u64,
    pub(crate) calls: Vec<Calls>,
    pub(crate) traffic: Vec<Traffic>,
    pub(crate) concurrent: Vec<Concurrent>,
    pub(crate) processes: Option<Processes>,
}

/// ADD and DEL with a number of existing mappings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) existing: usize,
    pub(crate) add: Times,
    pub(crate) del: Times,
    /// The peak memory of the largest process of any call: the plugin, or one that it waited for.
    pub(crate) peak_kib: u64,
    /// The peak memory of the plugin's own process.
    pub(crate) own_kib: u64,
}

/// The wall time of one verb's calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Times {
    pub(crate) median_ms: f64,
    pub(crate) p90_ms: f64,
    /// The number of successful calls, to which the times belong.
    pub(crate) calls: usize,
    pub(crate) failed: usize,
}

/// New connections through a mapping that was added last.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Traffic {
    pub(crate) existing: usize,
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// The number of successful and failed connections in all runs.
    pub(crate) made: usize,
    pub(crate) failed: usize,
}

/// Concurrent ADDs, then the same number of concurrent DELs.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Concurrent {
    pub(crate) existing: usize,
    pub(crate) calls: usize,
    /// The median time until all calls have ended.
    pub(crate) add_ms: f64,
    pub(crate) del_ms: f64,
    /// Totals of all repetitions.
    pub(crate) add_failed: usize,
    pub(crate) del_failed: usize,
    /// Mappings that did not exist after the ADDs.
    pub(crate) missing: usize,
    /// Mappings and shared rules that existed twice after the ADDs.
    pub(crate) duplicate: usize,
    /// Mappings that still existed after the DELs.
    pub(crate) left_over: usize,
}

/// The processes of one ADD and one DEL without other mappings.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Processes {
    pub(crate) add: Trace,
    pub(crate) del: Trace,
}

/// The processes and programs of one call.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Trace {
    /// The number of processes, including the plugin's own, without threads.
    pub(crate) processes: usize,
    /// The programs in the order of their start, the plugin first.
    pub(crate) programs: Vec<String>,
}

impl Trace {
    /// Counts the programs of iptables for IPv4 and for IPv6.
    pub(crate) fn iptables(&self) -> [usize; 2] {
        let count =
            |start: &str| self.programs.iter().filter(|name| name.starts_with(start)).count();
        [count("iptables"), count("ip6tables")]
    }
}

impl Figures {
    pub(crate) fn row(&self, name: &str) -> Option<&RowFigures> {
        self.rows.iter().find(|row| row.name == name)
    }
}

impl RowFigures {
    pub(crate) fn calls(&self, existing: usize) -> Option<&Calls> {
        self.calls.iter().find(|calls| calls.existing == existing)
    }

    pub(crate) fn traffic(&self, existing: usize) -> Option<&Traffic> {
        self.traffic.iter().find(|traffic| traffic.existing == existing)
    }

    pub(crate) fn concurrent(&self, existing: usize) -> Option<&Concurrent> {
        self.concurrent.iter().find(|concurrent| concurrent.existing == existing)
    }

    /// Returns the peak memory of the plugin's own process in MiB.
    pub(crate) fn own_mib(&self) -> Option<f64> {
        mib(self.calls.iter().map(|calls| calls.own_kib).max())
    }

    /// Returns the peak memory of the largest process of a call in MiB.
    pub(crate) fn peak_mib(&self) -> Option<f64> {
        mib(self.calls.iter().map(|calls| calls.peak_kib).max())
    }

    /// Records a failure once.
    pub(crate) fn fail(&mut self, problem: String) {
        if !self.failures.contains(&problem) {
            self.failures.push(problem);
        }
    }
}

fn mib(kib: Option<u64>) -> Option<f64> {
    kib.filter(|kib| *kib > 0).map(|kib| kib as f64 / 1024.0)
}
