//! Finds out in which versions a plugin can be judged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use cni_wrapper::SpecVersion;
use serde_json::Value;

use super::cost::Calls;
use super::words;
use crate::judgement::Stop;
use crate::profile::Profile;
use crate::stage::{Hosts, Stage};
use crate::subject::Subject;

/// The versions that the plugin claims to support and that are known here, oldest first. What it took
/// is added to `calls`.
pub(crate) fn claimed(
    subject: &Subject,
    limit: Duration,
    calls: &mut Calls,
) -> Result<Vec<SpecVersion>, String> {
    let newest = SpecVersion::NEWEST;
    let (claimed, spent) = on_a_stage(&Hosts::default(), subject, newest, limit, |stage| {
        let answer = stage.call("VERSION").run();
        let document = answer.document().unwrap_or_default();
        let list = document.get("supportedVersions").and_then(Value::as_array).cloned();
        let list = list.filter(|_| answer.exchange.exit == Some(0)).ok_or_else(|| {
            format!("VERSION does not say which versions it supports: {}", answer.exchange.ending())
        })?;
        let claims = |version: &SpecVersion| list.iter().any(|text| text == version.as_str());
        Ok(SpecVersion::ALL.into_iter().filter(claims).collect())
    });
    *calls += spent;
    claimed
}

/// Whether an ADD and a DEL succeed in this version, and what it took to find out.
pub(super) fn usable(
    hosts: &Hosts,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
) -> (Result<(), String>, Calls) {
    on_a_stage(hosts, subject, version, limit, |stage| match stage.warm() {
        Err(Stop::Finding(finding)) => Err(format!("{}, not {}", finding.expected, finding.actual)),
        _ => Ok(()),
    })
}

/// Does `work` on one of the hosts. A panic of the stage is an error.
fn on_a_stage<T>(
    hosts: &Hosts,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
    work: impl FnOnce(&Stage) -> Result<T, String>,
) -> (Result<T, String>, Calls) {
    let mut calls = Calls::default();
    let outcome = carefully(|| {
        let stage = Stage::on(hosts, subject, version, limit);
        let outcome = work(&stage);
        calls = Calls::of(&stage.exchanges());
        stage.give_back(hosts);
        outcome
    });
    (outcome, calls)
}

pub(super) fn possible(profile: Profile, version: SpecVersion) -> bool {
    profile != Profile::Chained || version >= SpecVersion::V0_3_0
}

/// A panic of the stage as an error.
fn carefully<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(words(panic.as_ref())))
}
