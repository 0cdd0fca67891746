//! Runs cases on a subject, several at a time.

use std::any::Any;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cni_wrapper::SpecVersion;
use serde_json::Value;

use crate::case::Case;
use crate::cases;
use crate::exchange::Exchange;
use crate::judgement::{Finding, Judgement, Stop, Verdict};
use crate::profile::Profile;
use crate::stage::Stage;
use crate::subject::Subject;

/// What to run, and how.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only the cases whose id begins with one of these (or that have it as their code); empty: all.
    pub only: Vec<String>,
    /// Not the cases whose id begins with one of these.
    pub skip: Vec<String>,
    /// Only these versions; empty: all that the plugin claims.
    pub versions: Vec<SpecVersion>,
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
            versions: Vec::new(),
            // Patient: on a busy machine a call of a plugin that starts a dozen others has taken more than half a minute.
            limit: Duration::from_secs(120),
            // One more than there are processors, since cases also wait for the kernel. Not many: those that wait for its
            // lock of network interfaces with a sysctl in hand keep a processor busy.
            jobs: 1 + thread::available_parallelism().map_or(1, usize::from),
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
    /// The versions that it claims and could not be judged in, with the reason.
    pub unusable: Vec<(SpecVersion, String)>,
    /// All cases, in the order of the specification and by version.
    pub records: Vec<Record>,
}

impl Report {
    /// The deviations that the subject file knows of and that were not seen, though their cases ran.
    pub fn gone(&self) -> Vec<&str> {
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
    let wanted = if options.versions.is_empty() {
        claimed(subject, options)?
    } else {
        options.versions.clone()
    };
    let wanted: Vec<_> =
        wanted.into_iter().filter(|version| possible(subject.profile, *version)).collect();
    let probes = in_parallel(&wanted, options.jobs, |version| {
        ControlFlow::Continue((*version, usable(subject, *version, options)))
    });
    let (mut versions, mut unusable) = (Vec::new(), Vec::new());
    for (version, probe) in probes {
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
        let (record, _) = judge(case, subject, *version, options.limit);
        let done = done.fetch_add(1, Ordering::Relaxed) + 1;
        progress(&Progress { done, total: work.len(), record: &record });
        let failed = matches!(record.verdict, Verdict::Fail | Verdict::Broken);
        match options.fail_fast && failed {
            true => ControlFlow::Break(record),
            false => ControlFlow::Continue(record),
        }
    });
    Ok(Report { subject: subject.clone(), versions, unusable, records })
}

/// Which case to run in which version.
fn work(
    subject: &Subject,
    versions: &[SpecVersion],
    options: &Options,
) -> Vec<(&'static Case, SpecVersion)> {
    let cases = options.cases();
    let pairs =
        cases.into_iter().flat_map(|case| versions.iter().map(move |version| (case, *version)));
    pairs.filter(|(case, version)| case.applies(subject.profile, *version)).collect()
}

/// Does the same with each item, several at a time, until one says to stop. The results are in the order of the items.
fn in_parallel<T: Sync, R: Send>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T) -> ControlFlow<R, R> + Sync,
) -> Vec<R> {
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, items.len().max(1)) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return };
                    let result = match work(item) {
                        ControlFlow::Continue(result) => result,
                        ControlFlow::Break(result) => {
                            stop.store(true, Ordering::Relaxed);
                            result
                        }
                    };
                    lock(&results).push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Runs one case. The stage is returned as it is afterwards, for whoever wants to look at it; when it is dropped,
/// all is gone.
pub fn judge(
    case: &'static Case,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
) -> (Record, Option<Stage>) {
    let started = Instant::now();
    let mut stage = None;
    let judged = catch_unwind(AssertUnwindSafe(|| {
        (case.run)(stage.insert(Stage::new(subject, version, limit)))
    }));
    let (verdict, finding, note) = match judged {
        Ok(judgement) => {
            told(&judgement, Verdict::of(&judgement, case.requirement().severity_in(version)))
        }
        Err(panic) => (Verdict::Broken, None, Some(words(panic.as_ref()))),
    };
    let exchanges = stage.as_ref().map(Stage::exchanges).unwrap_or_default();
    let millis = started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    (Record { case, version, verdict, finding, note, exchanges, millis }, stage)
}

fn told(judgement: &Judgement, verdict: Verdict) -> (Verdict, Option<Finding>, Option<String>) {
    match judgement {
        Ok(()) => (verdict, None, None),
        Err(Stop::Finding(finding)) => (verdict, Some(finding.clone()), None),
        Err(Stop::Skip(note) | Stop::Info(note)) => (verdict, None, Some(note.clone())),
    }
}

/// The versions that the plugin claims to support and that are known here.
pub(crate) fn claimed(subject: &Subject, options: &Options) -> Result<Vec<SpecVersion>, String> {
    carefully(|| {
        let stage = Stage::new(subject, SpecVersion::NEWEST, options.limit);
        let answer = stage.call("VERSION").run();
        let document = answer.document().unwrap_or_default();
        let list = document.get("supportedVersions").and_then(Value::as_array).cloned();
        let list = list.filter(|_| answer.exchange.exit == Some(0)).ok_or_else(|| {
            format!("VERSION does not say which versions it supports: {}", answer.exchange.ending())
        })?;
        let claims = |version: &SpecVersion| list.iter().any(|text| text == version.as_str());
        Ok(SpecVersion::ALL.into_iter().filter(claims).collect())
    })
}

/// An ADD and a DEL succeed in this version.
fn usable(subject: &Subject, version: SpecVersion, options: &Options) -> Result<(), String> {
    carefully(|| {
        let stage = Stage::new(subject, version, options.limit);
        match stage.warm() {
            Err(Stop::Finding(finding)) => {
                Err(format!("{}, not {}", finding.expected, finding.actual))
            }
            _ => Ok(()),
        }
    })
}

fn possible(profile: Profile, version: SpecVersion) -> bool {
    profile != Profile::Chained || version >= SpecVersion::V0_3_0
}

/// A panic of the stage as an error.
fn carefully<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(words(panic.as_ref())))
}

pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
        .to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
