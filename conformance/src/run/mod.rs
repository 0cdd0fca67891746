//! Runs cases on a subject, several at a time.

pub mod case;
pub mod cost;
pub mod options;
pub(crate) mod probe;
pub mod record;
pub mod versions;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use cni_protocol::{SpecVersion, Verb};

use crate::fixture::Adds;
use crate::fixture::host_pool::HostPool;
use crate::spec::case::Case;
use crate::spec::cases;
use crate::subject::Subject;
use crate::threads::in_parallel;
use crate::verdict::Verdict;
use case::run_case_knowing;
use cost::{Calls, Meter};
use options::Options;
use probe::{claimed, usable};
use record::{Progress, Record, Report};

/// Runs the selected cases on a subject, and calls `progress` after each of them.
///
/// # Errors
/// Why the plugin could not be tested at all: namespaces are not allowed, or VERSION does not list
/// the versions.
pub fn run(
    subject: &Subject,
    options: &Options,
    progress: &(dyn Fn(&Progress) + Sync),
) -> Result<Report, String> {
    let meter = Meter::start();
    let (hosts, mut calls) = (HostPool::default(), Calls::default());
    let claimed = match options.versions.needs_claimed() {
        true => claimed(subject, options.limit, &mut calls)?,
        false => Vec::new(),
    };
    let mut selected = options.versions.of(&claimed);
    selected.retain(|version| subject.profile.exists_in(*version));
    let left_out = claimed.iter().copied().filter(|version| !selected.contains(version));
    let left_out = left_out.filter(|version| subject.profile.exists_in(*version)).collect();
    let probes = in_parallel(&selected, options.jobs, |version| {
        ControlFlow::Continue((*version, usable(&hosts, subject, *version, options.limit)))
    });
    let (mut versions, mut unusable) = (Vec::new(), Vec::new());
    for (version, (probe, spent)) in probes {
        calls += spent;
        match probe {
            Ok(()) => versions.push(version),
            Err(problem) => unusable.push((version, problem)),
        }
    }
    let work = work(subject, &versions, &unusable, options);
    let done = AtomicUsize::new(0);
    let records = in_parallel(&work, options.jobs, |(case, version)| {
        let once = || run_case_knowing(&hosts, case, subject, *version, options.limit);
        let record = repeated(options.retries, once);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        progress(&Progress { done, total: work.len(), record: &record });
        let failed = matches!(record.verdict, Verdict::Fail | Verdict::Broken);
        match options.fail_fast && failed {
            true => ControlFlow::Break(record),
            false => ControlFlow::Continue(record),
        }
    });
    calls += Calls::of(records.iter().flat_map(|record| &record.exchanges));
    let (subject, cost) = (subject.clone(), meter.cost(calls));
    Ok(Report { subject, versions, left_out, unusable, records, cost })
}

/// Returns which case to run in which version. In a version in which no ADD succeeds, those run
/// that are not about ADD, and the one that judges just this.
fn work(
    subject: &Subject,
    versions: &[SpecVersion],
    unusable: &[(SpecVersion, String)],
    options: &Options,
) -> Vec<(&'static Case, (SpecVersion, Adds))> {
    let fails = if versions.is_empty() { Adds::FailEverywhere } else { Adds::FailInThisVersion };
    let cases = options.cases();
    let mut work = Vec::new();
    for case in cases {
        let applies = |version: &&SpecVersion| case.applies(subject.profile, **version);
        let mut versions: Vec<_> = versions.iter().filter(applies).collect();
        if cases::runs_once(case.id) {
            versions.drain(..versions.len().saturating_sub(1));
        }
        work.extend(versions.into_iter().map(|version| (case, (*version, Adds::Succeed))));
        let unusable = unusable.iter().map(|(version, _)| version).filter(applies);
        let unusable = unusable.filter(|_| is_possible_without_add(case));
        work.extend(unusable.map(|version| (case, (*version, fails))));
    }
    work
}

/// Runs a case again while it fails, at most `retries` times, and returns the last record.
fn repeated(retries: usize, once: impl Fn() -> Record) -> Record {
    let fails =
        |record: &Record| matches!(record.verdict, Verdict::Fail | Verdict::Warn | Verdict::Broken);
    let mut record = once();
    for again in 1..=retries {
        if !fails(&record) {
            break;
        }
        record = once();
        if record.verdict == Verdict::Pass {
            record.note = Some(format!("run {} of this case; it failed before", again + 1));
        }
    }
    record
}

fn is_possible_without_add(case: &Case) -> bool {
    let requirement = case.requirement();
    requirement.code == "VER-11" || !requirement.verbs.contains(&Verb::Add)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_case_that_fails_runs_again_until_it_passes_or_too_often() {
        let record = |verdict| Record {
            case: cases::all().next().expect("a case"),
            version: SpecVersion::NEWEST,
            verdict,
            finding: None,
            note: None,
            exchanges: Vec::new(),
            millis: 0,
        };
        for (retries, passes_in, runs, verdict) in [
            (0, 2, 1, Verdict::Fail),
            (3, 1, 1, Verdict::Pass),
            (3, 2, 2, Verdict::Pass),
            (1, 3, 2, Verdict::Fail),
        ] {
            let run = Cell::new(0);
            let last = repeated(retries, || {
                run.set(run.get() + 1);
                record(if run.get() == passes_in { Verdict::Pass } else { Verdict::Fail })
            });
            assert_eq!((run.get(), last.verdict), (runs, verdict), "{retries}, {passes_in}");
            assert_eq!(last.note.is_some(), runs > 1 && verdict == Verdict::Pass);
        }
    }
}
