//! What a run found out.

use cni_wrapper::SpecVersion;

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
    /// The version that the plugin was asked in.
    pub version: SpecVersion,
    /// How it ended.
    pub verdict: Verdict,
    /// What was expected and seen, when it is a deviation.
    pub finding: Option<Finding>,
    /// Why it was skipped or is broken, or what was seen.
    pub note: Option<String>,
    /// All calls of the plugin.
    pub exchanges: Vec<Exchange>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// How far a run is.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'r> {
    /// How many cases have run, each version counted.
    pub done: usize,
    /// Of how many.
    pub total: usize,
    /// The one that ended last.
    pub record: &'r Record,
}

/// What running all cases came to.
#[derive(Clone, Debug)]
pub struct Report {
    /// The plugin.
    pub subject: Subject,
    /// The versions that it was judged in, oldest first.
    pub versions: Vec<SpecVersion>,
    /// The versions that it claims and that were left out on request.
    pub left_out: Vec<SpecVersion>,
    /// The versions that it claims and could not be judged in, with the reason.
    pub unusable: Vec<(SpecVersion, String)>,
    /// All cases, in the order of the specification and by version.
    pub records: Vec<Record>,
    /// What the run cost.
    pub cost: Cost,
}

impl Report {
    /// The deviations that the subject file knows of and that were not seen, though their cases ran.
    /// None when versions were left out: a deviation may show only in one of those.
    pub fn gone(&self) -> Vec<&str> {
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

    /// How many cases ended like this.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.records.iter().filter(|record| record.verdict == verdict).count()
    }
}
