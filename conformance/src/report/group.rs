//! The records of one case in all versions.

use crate::case::Case;
use crate::judgement::Verdict;
use crate::run::{Record, Report};

/// A case and how it ended in each version.
pub(super) struct Group<'r> {
    pub(super) case: &'static Case,
    pub(super) records: Vec<&'r Record>,
}

impl Group<'_> {
    /// The gravest of its verdicts.
    pub(super) fn verdict(&self) -> Verdict {
        const BY_GRAVITY: [Verdict; 6] = [
            Verdict::Fail,
            Verdict::Broken,
            Verdict::Warn,
            Verdict::Info,
            Verdict::Pass,
            Verdict::Skip,
        ];
        let has = |verdict: &Verdict| self.records.iter().any(|record| record.verdict == *verdict);
        BY_GRAVITY.into_iter().find(has).unwrap_or(Verdict::Skip)
    }

    /// The first record that ended so.
    pub(super) fn first(&self, verdict: Verdict) -> Option<&Record> {
        self.records.iter().copied().find(|record| record.verdict == verdict)
    }

    /// In which versions it ended so: nothing when it is all of them, else ` in 0.4.0, 1.0.0`.
    pub(super) fn versions(&self, verdict: Verdict) -> String {
        let those = self.records.iter().filter(|record| record.verdict == verdict);
        let those: Vec<_> = those.map(|record| record.version.as_str()).collect();
        match those.len() == self.records.len() {
            true => String::new(),
            false => format!(" in {}", those.join(", ")),
        }
    }
}

/// The report by case, in its order.
pub(super) fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: Vec<Group> = Vec::new();
    for record in &report.records {
        match groups.iter_mut().find(|group| group.case.id == record.case.id) {
            Some(group) => group.records.push(record),
            None => groups.push(Group { case: record.case, records: vec![record] }),
        }
    }
    groups
}
