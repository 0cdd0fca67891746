//! What was measured: plain data, as it goes to the JSON file, the table, the bars and the chart.

use serde::Serialize;

use super::machine::Machine;
use super::rows::Kind;

/// All of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figures {
    /// Of this document's form.
    pub(crate) version: u32,
    pub(crate) machine: Machine,
    /// Numbers of mappings that were in place.
    pub(crate) existing: Vec<usize>,
    /// Beside which of them many were started at once.
    pub(crate) at_once: Vec<usize>,
    pub(crate) rows: Vec<RowFigures>,
}

/// All of a row.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RowFigures {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// Everything that went wrong, each once.
    pub(crate) failures: Vec<String>,
    /// Size of the program's file.
    pub(crate) binary_bytes: u64,
    pub(crate) calls: Vec<Calls>,
    pub(crate) traffic: Vec<Traffic>,
    pub(crate) at_once: Vec<AtOnce>,
    pub(crate) processes: Option<Processes>,
}

/// ADD and DEL beside so many mappings.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Calls {
    pub(crate) existing: usize,
    pub(crate) add: Times,
    pub(crate) del: Times,
    /// The largest process of any call, in KiB: the plugin, or one that it started and waited for.
    pub(crate) peak_kib: u64,
    /// The plugin's own process, in KiB.
    pub(crate) own_kib: u64,
}

/// Wall time of one verb's calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Times {
    pub(crate) median_ms: f64,
    pub(crate) p90_ms: f64,
    /// Calls that went well; only they count.
    pub(crate) calls: usize,
    pub(crate) failed: usize,
}

/// New connections through the last of so many mappings and one more.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Traffic {
    pub(crate) existing: usize,
    pub(crate) per_second: f64,
    pub(crate) p50_us: f64,
    pub(crate) p99_us: f64,
    /// Connections made and failed, of all runs.
    pub(crate) made: usize,
    pub(crate) failed: usize,
}

/// Many ADDs that begin at once, then as many DELs.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct AtOnce {
    pub(crate) existing: usize,
    pub(crate) calls: usize,
    /// Medians over the repetitions of the time until all had ended.
    pub(crate) add_ms: f64,
    pub(crate) del_ms: f64,
    /// Sums over all repetitions.
    pub(crate) add_failed: usize,
    pub(crate) del_failed: usize,
    /// Mappings that were not there after the ADDs, and mappings or shared rules that were there twice.
    pub(crate) missing: usize,
    pub(crate) double: usize,
    /// Mappings that were still there after the DELs.
    pub(crate) left: usize,
}

/// Processes of one ADD and one DEL with nothing else in place.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Processes {
    pub(crate) add: Trace,
    pub(crate) del: Trace,
}

/// What one call started.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Trace {
    /// Processes, the plugin's own included; threads are none.
    pub(crate) processes: usize,
    /// Programs in the order of their start, the plugin first.
    pub(crate) programs: Vec<String>,
}

impl Trace {
    /// How many programs of iptables for IPv4 and for IPv6.
    pub(crate) fn iptables(&self) -> [usize; 2] {
        let of = |start: &str| self.programs.iter().filter(|name| name.starts_with(start)).count();
        [of("iptables"), of("ip6tables")]
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

    pub(crate) fn at_once(&self, existing: usize) -> Option<&AtOnce> {
        self.at_once.iter().find(|at_once| at_once.existing == existing)
    }

    /// Peak of the plugin's own process in MiB, over all numbers of existing mappings.
    pub(crate) fn own_mib(&self) -> Option<f64> {
        mib(self.calls.iter().map(|calls| calls.own_kib).max())
    }

    /// Peak of the largest process of a call, in MiB.
    pub(crate) fn peak_mib(&self) -> Option<f64> {
        mib(self.calls.iter().map(|calls| calls.peak_kib).max())
    }

    /// Notes a failure once.
    pub(crate) fn fail(&mut self, problem: String) {
        if !self.failures.contains(&problem) {
            self.failures.push(problem);
        }
    }
}

fn mib(kib: Option<u64>) -> Option<f64> {
    kib.filter(|kib| *kib > 0).map(|kib| kib as f64 / 1024.0)
}
