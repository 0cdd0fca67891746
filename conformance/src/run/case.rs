//! Runs one case.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use cni_protocol::SpecVersion;

use super::record::Record;
use crate::fixture::host_pool::HostPool;
use crate::fixture::{Adds, Fixture};
use crate::spec::case::Case;
use crate::subject::Subject;
use crate::verdict::{CaseResult, Finding, Stop, Verdict};

/// Runs one case, and returns the fixture in its final state for inspection. When the fixture is
/// dropped, everything on it is removed.
pub fn run_case(
    case: &'static Case,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
) -> (Record, Option<Fixture>) {
    run_on(case, version, || Fixture::new(subject, version, limit))
}

/// Runs one case on a host of the pool.
pub fn run_case_on(
    hosts: &HostPool,
    case: &'static Case,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
) -> Record {
    run_case_knowing(hosts, case, subject, (version, Adds::Succeed), limit)
}

/// Does the same in a version in which an ADD may be known to fail.
pub(super) fn run_case_knowing(
    hosts: &HostPool,
    case: &'static Case,
    subject: &Subject,
    (version, adds): (SpecVersion, Adds),
    limit: Duration,
) -> Record {
    let fixture = || Fixture::on(hosts, subject, version, limit).knowing(adds);
    let (record, fixture) = run_on(case, version, fixture);
    if let Some(fixture) = fixture.filter(|_| record.verdict != Verdict::Broken) {
        fixture.return_to(hosts);
    }
    record
}

fn run_on(
    case: &'static Case,
    version: SpecVersion,
    create: impl FnOnce() -> Fixture,
) -> (Record, Option<Fixture>) {
    let started = Instant::now();
    let mut fixture = None;
    let result = catch_unwind(AssertUnwindSafe(|| (case.run)(fixture.insert(create()))));
    let (verdict, finding, note) = match result {
        Ok(result) => {
            let verdict = Verdict::of(&result, case.requirement().severity_in(version));
            let (finding, note) = finding_or_note(result);
            (verdict, finding, note)
        }
        Err(panic) => (Verdict::Broken, None, Some(panic_message(panic.as_ref()))),
    };
    let exchanges = fixture.as_ref().map(Fixture::exchanges).unwrap_or_default();
    let millis = started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    (Record { case, version, verdict, finding, note, exchanges, millis }, fixture)
}

fn finding_or_note(result: CaseResult) -> (Option<Finding>, Option<String>) {
    match result {
        Ok(()) => (None, None),
        Err(Stop::Finding(finding)) => (Some(finding), None),
        Err(Stop::Skip(note) | Stop::Info(note)) => (None, Some(note)),
    }
}

/// Returns the message of a panic.
pub(crate) fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without a message")
        .to_owned()
}
