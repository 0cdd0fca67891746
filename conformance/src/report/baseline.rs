//! An earlier report whose deviations are no failures.

use super::document::Document;
use crate::verdict::Verdict;

impl Document {
    /// Marks the deviations that the baseline has, too, by case and version. One that has become
    /// worse, from a warning to a failure, is not marked. Returns the deviations of the baseline
    /// that did not occur although their case ran, as `CASE in VERSION`.
    pub fn accept(&mut self, baseline: &Self) -> Vec<String> {
        for case in &mut self.cases {
            for run in &mut case.runs {
                let before = baseline.run(&case.id, &run.version).map(|before| before.verdict);
                run.accepted = match run.verdict {
                    Verdict::Fail => before == Some(Verdict::Fail),
                    Verdict::Warn => matches!(before, Some(Verdict::Fail | Verdict::Warn)),
                    _ => false,
                };
            }
        }
        self.settle();
        self.without_deviation(baseline)
    }

    fn without_deviation(&self, baseline: &Self) -> Vec<String> {
        let all =
            baseline.cases.iter().flat_map(|case| case.runs.iter().map(move |run| (case, run)));
        let deviates = |verdict| matches!(verdict, Verdict::Fail | Verdict::Warn);
        let gone = all.filter(|(case, before)| {
            let now = self.run(&case.id, &before.version);
            deviates(before.verdict) && now.is_some_and(|now| !deviates(now.verdict))
        });
        gone.map(|(case, run)| format!("{} in {}", case.id, run.version)).collect()
    }
}
