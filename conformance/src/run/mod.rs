//! Runs cases on a subject, several at a time.

pub mod case;
pub mod cost;
mod each_delegate;
pub mod options;
pub(crate) mod probe;
pub mod record;
pub mod versions;

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use cni_protocol::SpecVersion;

use crate::fixture::host_pool::HostPool;
use crate::spec::case::Case;
use crate::spec::cases;
use crate::subject::Subject;
use crate::threads::in_parallel;
use crate::verdict::Verdict;
use case::run_case_on;
use cost::{Calls, Meter};
use each_delegate::{named, worst};
use options::Options;
use probe::{claimed, usable};
use record::{Progress, Report};

/// Runs the selected cases on a subject, and calls `progress` after each of them.
///
/// # Errors
/// Why the plugin could not be tested at all: namespaces are not allowed, or ADD succeeds in no
/// version.
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
    let subjects = subject.for_each_delegate();
    let mut work = Vec::new();
    let (mut versions, mut unusable) = (Vec::new(), Vec::new());
    for (delegate, subject) in &subjects {
        let probed = probe(&hosts, subject, &selected, options, &mut calls);
        unusable.extend(named(probed.unusable, delegate.as_deref()));
        for (case, version) in cases_of(subject, &probed.usable, options) {
            work.push((delegate, subject, case, version));
        }
        versions.extend(probed.usable);
    }
    versions.sort_unstable();
    versions.dedup();
    if let (true, Some((version, problem))) = (versions.is_empty(), unusable.last()) {
        return Err(format!("no ADD succeeds with this configuration; in {version}: {problem}"));
    }
    let done = AtomicUsize::new(0);
    let records = in_parallel(&work, options.jobs, |(delegate, subject, case, version)| {
        let mut record = run_case_on(&hosts, case, subject, *version, options.limit);
        record.delegate.clone_from(delegate);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        progress(&Progress { done, total: work.len(), record: &record });
        let failed = matches!(record.verdict, Verdict::Fail | Verdict::Broken);
        match options.fail_fast && failed {
            true => ControlFlow::Break(record),
            false => ControlFlow::Continue(record),
        }
    });
    calls += Calls::of(records.iter().flat_map(|record| &record.exchanges));
    let (subject, cost, records) = (subject.clone(), meter.cost(calls), worst(records));
    Ok(Report { subject, versions, left_out, unusable, records, cost })
}

/// The versions in which a subject can be tested, and those in which it cannot, with the reason.
struct Probed {
    usable: Vec<SpecVersion>,
    unusable: Vec<(SpecVersion, String)>,
}

fn probe(
    hosts: &HostPool,
    subject: &Subject,
    selected: &[SpecVersion],
    options: &Options,
    calls: &mut Calls,
) -> Probed {
    let probes = in_parallel(selected, options.jobs, |version| {
        ControlFlow::Continue((*version, usable(hosts, subject, *version, options.limit)))
    });
    let mut probed = Probed { usable: Vec::new(), unusable: Vec::new() };
    for (version, (outcome, spent)) in probes {
        *calls += spent;
        match outcome {
            Ok(()) => probed.usable.push(version),
            Err(problem) => probed.unusable.push((version, problem)),
        }
    }
    probed
}

/// Returns which case to run in which version.
fn cases_of(
    subject: &Subject,
    versions: &[SpecVersion],
    options: &Options,
) -> Vec<(&'static Case, SpecVersion)> {
    let cases = options.cases();
    let mut work = Vec::new();
    for case in cases {
        let applies = |version: &&SpecVersion| case.applies(subject.profile, **version);
        let mut versions: Vec<_> = versions.iter().filter(applies).collect();
        if cases::runs_once(case.id) {
            versions.drain(..versions.len().saturating_sub(1));
        }
        work.extend(versions.into_iter().map(|version| (case, *version)));
    }
    work
}
