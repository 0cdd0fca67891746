//! Runs cases on a subject, several at a time.

mod cost;
mod judge;
mod pool;
mod probe;
mod versions;

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cni_wrapper::SpecVersion;

use crate::case::Case;
use crate::cases;
use crate::exchange::Exchange;
use crate::judgement::{Finding, Verdict};
use crate::stage::Hosts;
use crate::subject::Subject;
use cost::Meter;
pub use cost::{Calls, Cost};
pub use judge::{judge, judge_on};
use pool::in_parallel;
pub(crate) use probe::claimed;
use probe::{possible, usable};
pub use versions::Versions;

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only the cases whose id begins with one of these (or that have it as their code); empty: all.
    pub only: Vec<String>,
    /// Not the cases whose id begins with one of these.
    pub skip: Vec<String>,
    /// The versions that the plugin is judged in.
    pub versions: Versions,
    /// How long one call of the plugin may take.
    pub limit: Duration,
    /// How many cases run at a time.
    pub jobs: usize,
    /// Stops after the first case that fails.
    pub fail_fast: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            only: Vec::new(),
            skip: Vec::new(),
            versions: Versions::default(),
            // On a busy machine a call of a plugin that starts a dozen others has taken more than half a
            // minute.
            limit: Duration::from_secs(120),
            // Four for each processor, since cases wait for the kernel most of the time: it removes
            // links and rules some time after it was asked to.
            jobs: 4 * thread::available_parallelism().map_or(1, usize::from),
            fail_fast: false,
        }
    }
}

impl Options {
    /// The cases that are asked for, in the order of the specification.
    pub fn cases(&self) -> Vec<&'static Case> {
        let named = |case: &Case, names: &[String]| {
            names.iter().any(|name| case.id.starts_with(name) || case.requirement().code == name)
        };
        cases::all()
            .filter(|case| self.only.is_empty() || named(case, &self.only))
            .filter(|case| !named(case, &self.skip))
            .collect()
    }
}

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

/// Runs the cases that are asked for on a subject. `progress` is told after each of them.
///
/// # Errors
/// Why the plugin could not be tested at all: namespaces are refused, or it makes no attachment in any version.
pub fn run(
    subject: &Subject,
    options: &Options,
    progress: &(dyn Fn(&Progress) + Sync),
) -> Result<Report, String> {
    let meter = Meter::start();
    let (hosts, mut calls) = (Hosts::default(), Calls::default());
    let claimed = match options.versions.needs_claimed() {
        true => claimed(subject, options.limit, &mut calls)?,
        false => Vec::new(),
    };
    let mut wanted = options.versions.of(&claimed);
    wanted.retain(|version| possible(subject.profile, *version));
    let left_out = claimed.iter().copied().filter(|version| !wanted.contains(version));
    let left_out = left_out.filter(|version| possible(subject.profile, *version)).collect();
    let probes = in_parallel(&wanted, options.jobs, |version| {
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
    if let (true, Some((version, problem))) = (versions.is_empty(), unusable.last()) {
        return Err(format!(
            "with this configuration no ADD succeeds, in {version} for one: {problem}"
        ));
    }
    let work = work(subject, &versions, options);
    let done = AtomicUsize::new(0);
    let records = in_parallel(&work, options.jobs, |(case, version)| {
        let record = judge_on(&hosts, case, subject, *version, options.limit);
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

/// Which case to run in which version.
fn work(
    subject: &Subject,
    versions: &[SpecVersion],
    options: &Options,
) -> Vec<(&'static Case, SpecVersion)> {
    let cases = options.cases();
    let mut work = Vec::new();
    for case in cases {
        let applies = |version: &&SpecVersion| case.applies(subject.profile, **version);
        let mut versions: Vec<_> = versions.iter().filter(applies).collect();
        if cases::is_judged_once(case.id) {
            versions.drain(..versions.len().saturating_sub(1));
        }
        work.extend(versions.into_iter().map(|version| (case, *version)));
    }
    work
}

pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
        .to_owned()
}
