//! Runs one case.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use cni_wrapper::SpecVersion;

use super::{Record, words};
use crate::case::Case;
use crate::judgement::{Finding, Judgement, Stop, Verdict};
use crate::stage::{Hosts, Stage};
use crate::subject::Subject;

/// Runs one case. The stage is returned as it is afterwards, for a look at it; when it is dropped,
/// everything on it is removed.
pub fn judge(
    case: &'static Case,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
) -> (Record, Option<Stage>) {
    judged(case, version, || Stage::new(subject, version, limit))
}

/// Runs one case on one of the hosts, which is returned to them.
pub fn judge_on(
    hosts: &Hosts,
    case: &'static Case,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
) -> Record {
    let (record, stage) = judged(case, version, || Stage::on(hosts, subject, version, limit));
    if let Some(stage) = stage.filter(|_| record.verdict != Verdict::Broken) {
        stage.give_back(hosts);
    }
    record
}

fn judged(
    case: &'static Case,
    version: SpecVersion,
    make: impl FnOnce() -> Stage,
) -> (Record, Option<Stage>) {
    let started = Instant::now();
    let mut stage = None;
    let judged = catch_unwind(AssertUnwindSafe(|| (case.run)(stage.insert(make()))));
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
