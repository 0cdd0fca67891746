//! One verdict from those of a wrapper with each of the delegates that it selects among.

use cni_protocol::SpecVersion;

use super::record::Record;
use crate::verdict::Verdict;

/// Adds the name of the delegate to the reasons why versions cannot be tested.
pub(super) fn named(
    unusable: Vec<(SpecVersion, String)>,
    delegate: Option<&str>,
) -> impl Iterator<Item = (SpecVersion, String)> {
    let prefix = delegate.map(with).unwrap_or_default();
    unusable.into_iter().map(move |(version, problem)| (version, format!("{prefix}{problem}")))
}

fn with(delegate: &str) -> String {
    format!("with the delegate {delegate:?}: ")
}

/// Returns the worst record of each case in each version, which names its delegate.
pub(super) fn worst(records: Vec<Record>) -> Vec<Record> {
    let mut worst: Vec<Record> = Vec::with_capacity(records.len());
    for record in records {
        let same = |other: &&mut Record| {
            record.delegate.is_some()
                && other.case.id == record.case.id
                && other.version == record.version
        };
        match worst.iter_mut().find(same) {
            Some(other) if rank(record.verdict) > rank(other.verdict) => {
                *other = Record { millis: other.millis + record.millis, ..record };
            }
            Some(other) => other.millis += record.millis,
            None => worst.push(record),
        }
    }
    worst.iter_mut().for_each(name);
    worst
}

/// A case that is skipped with one delegate and passes with another has passed.
fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Skip => 0,
        Verdict::Pass => 1,
        Verdict::Info => 2,
        Verdict::Warn => 3,
        Verdict::Broken => 4,
        Verdict::Fail => 5,
    }
}

/// Names the delegate in the texts of a record.
fn name(record: &mut Record) {
    let Some(prefix) = record.delegate.as_deref().map(with) else { return };
    let actual = record.finding.as_mut().map(|finding| &mut finding.actual);
    for text in [actual, record.note.as_mut()].into_iter().flatten() {
        text.insert_str(0, &prefix);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::cases;
    use crate::verdict::Finding;

    fn record(delegate: Option<&str>, verdict: Verdict) -> Record {
        let finding = Finding { expected: "x".to_owned(), actual: "y".to_owned() };
        Record {
            case: cases::all().next().unwrap(),
            version: SpecVersion::NEWEST,
            delegate: delegate.map(str::to_owned),
            verdict,
            finding: (verdict == Verdict::Fail).then_some(finding),
            note: None,
            exchanges: Vec::new(),
            millis: 1,
        }
    }

    #[test]
    fn the_worst_verdict_counts_and_names_its_delegate() {
        use Verdict::{Fail, Pass, Skip};
        for (one, other, expected, delegate) in [
            (Pass, Fail, Fail, "b"),
            (Fail, Pass, Fail, "a"),
            (Skip, Pass, Pass, "b"),
            (Pass, Skip, Pass, "a"),
        ] {
            let records = worst(vec![record(Some("a"), one), record(Some("b"), other)]);
            let [only] = records.as_slice() else { panic!("{records:?}") };
            assert_eq!((only.verdict, only.delegate.as_deref()), (expected, Some(delegate)));
            let finding = only.finding.as_ref().map(|finding| finding.actual.clone());
            let named = (expected == Fail).then(|| format!("with the delegate {delegate:?}: y"));
            assert_eq!(finding, named);
        }
    }

    #[test]
    fn records_of_a_plugin_without_several_delegates_stay_as_they_are() {
        let records = worst(vec![record(None, Verdict::Fail), record(None, Verdict::Pass)]);
        assert_eq!(records.len(), 2);
        assert_eq!(records[0].finding.as_ref().unwrap().actual, "y");
    }
}
