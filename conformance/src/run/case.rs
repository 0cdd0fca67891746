//! Runs one case.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use cni_wrapper::SpecVersion;

use super::record::Record;
use crate::fixture::Fixture;
use crate::fixture::host_pool::HostPool;
use crate::spec::case::Case;
use crate::subject::Subject;
use crate::verdict::{CaseResult, Finding, Stop, Verdict};

/// Runs one case. The fixture is returned as it is afterwards, for a look at it; when it is dropped,
/// everything on it is removed.
pub fn run_case(
    case: &'static Case,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
) -> (Record, Option<Fixture>) {
    judged(case, version, || Fixture::new(subject, version, limit))
}

/// Runs one case on one of the hosts, which is returned to them.
pub fn run_case_on(
    hosts: &HostPool,
    case: &'static Case,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
) -> Record {
    let (record, fixture) = judged(case, version, || Fixture::on(hosts, subject, version, limit));
    if let Some(fixture) = fixture.filter(|_| record.verdict != Verdict::Broken) {
        fixture.give_back(hosts);
    }
    record
}

fn judged(
    case: &'static Case,
    version: SpecVersion,
    make: impl FnOnce() -> Fixture,
) -> (Record, Option<Fixture>) {
    let started = Instant::now();
    let mut fixture = None;
    let judged = catch_unwind(AssertUnwindSafe(|| (case.run)(fixture.insert(make()))));
    let (verdict, finding, note) = match judged {
        Ok(judgement) => {
            told(&judgement, Verdict::of(&judgement, case.requirement().severity_in(version)))
        }
        Err(panic) => (Verdict::Broken, None, Some(panic_message(panic.as_ref()))),
    };
    let exchanges = fixture.as_ref().map(Fixture::exchanges).unwrap_or_default();
    let millis = started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    (Record { case, version, verdict, finding, note, exchanges, millis }, fixture)
}

fn told(judgement: &CaseResult, verdict: Verdict) -> (Verdict, Option<Finding>, Option<String>) {
    match judgement {
        Ok(()) => (verdict, None, None),
        Err(Stop::Finding(finding)) => (verdict, Some(finding.clone()), None),
        Err(Stop::Skip(note) | Stop::Info(note)) => (verdict, None, Some(note.clone())),
    }
}

pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words")
        .to_owned()
}
