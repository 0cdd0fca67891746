//! The results of a run.

use cni_protocol::SpecVersion;

use crate::exchange::Exchange;
use crate::run::cost::Cost;
use crate::spec::case::Case;
use crate::subject::Subject;
use crate::verdict::{Finding, Verdict};

/// One case, run in one version.
#[derive(Clone, Debug)]
pub struct Record {
    /// The case.
    pub case: &'static Case,
    /// The version of the calls.
    pub version: SpecVersion,
    /// The verdict.
    pub verdict: Verdict,
    /// The expected and the actual behaviour, if there is a deviation.
    pub finding: Option<Finding>,
    /// Why it was skipped or is broken, or the behaviour that the specification leaves open.
    pub note: Option<String>,
    /// All calls of the plugin.
    pub exchanges: Vec<Exchange>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// The progress of a run.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'r> {
    /// The number of cases that have run, counted in each version.
    pub done: usize,
    /// The number of cases to run.
    pub total: usize,
    /// The record of the last case.
    pub record: &'r Record,
}

/// The results of a run.
#[derive(Clone, Debug)]
pub struct Report {
    /// The plugin.
    pub subject: Subject,
    /// The versions that it was tested in, oldest first.
    pub versions: Vec<SpecVersion>,
    /// The versions that it claims and that were left out on request.
    pub left_out: Vec<SpecVersion>,
    /// The versions that it claims and could not be tested in, with the reason.
    pub unusable: Vec<(SpecVersion, String)>,
    /// All cases, in the order of the specification and by version.
    pub records: Vec<Record>,
    /// The cost of the run.
    pub cost: Cost,
}

impl Report {
    /// Returns the known deviations that did not occur although their cases ran. Empty if versions
    /// were left out, since a deviation may occur only in one of those.
    pub fn outdated_deviations(&self) -> Vec<&str> {
        if !self.left_out.is_empty() {
            return Vec::new();
        }
        let ran = |id: &str| self.records.iter().any(|record| record.case.id == id);
        let seen = |id: &str| {
            self.records.iter().any(|record| record.case.id == id && record.finding.is_some())
        };
        let known = self.subject.known.keys().map(String::as_str);
        known.filter(|id| ran(id) && !seen(id)).collect()
    }

    /// Returns the report if the plugin could be tested.
    ///
    /// # Errors
    /// Why it could not: ADD succeeds in no version.
    pub fn tested(self) -> Result<Self, String> {
        match self.unusable.last() {
            Some((version, problem)) if self.versions.is_empty() => {
                Err(format!("no ADD succeeds with this configuration; in {version}: {problem}"))
            }
            _ => Ok(self),
        }
    }

    /// Returns the number of cases with this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.records.iter().filter(|record| record.verdict == verdict).count()
    }
}
