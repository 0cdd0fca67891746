//! Finds out in which versions a plugin can be judged.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use cni_wrapper::SpecVersion;
use serde_json::Value;

use super::case::panic_message;
use super::cost::Calls;
use crate::fixture::Fixture;
use crate::fixture::host_pool::HostPool;
use crate::subject::Subject;
use crate::verdict::Stop;

/// The versions that the plugin claims to support and that are known here, oldest first. What it took
/// is added to `calls`.
pub(crate) fn claimed(
    subject: &Subject,
    limit: Duration,
    calls: &mut Calls,
) -> Result<Vec<SpecVersion>, String> {
    let newest = SpecVersion::NEWEST;
    let (claimed, spent) = on_a_fixture(&HostPool::default(), subject, newest, limit, |fixture| {
        let answer = fixture.call("VERSION").run();
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
    hosts: &HostPool,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
) -> (Result<(), String>, Calls) {
    on_a_fixture(hosts, subject, version, limit, |fixture| match fixture.warm() {
        Err(Stop::Finding(finding)) => Err(format!("{}, not {}", finding.expected, finding.actual)),
        _ => Ok(()),
    })
}

/// Does `work` on one of the hosts. A panic of the fixture is an error.
fn on_a_fixture<T>(
    hosts: &HostPool,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
    work: impl FnOnce(&Fixture) -> Result<T, String>,
) -> (Result<T, String>, Calls) {
    let mut calls = Calls::default();
    let outcome = carefully(|| {
        let fixture = Fixture::on(hosts, subject, version, limit);
        let outcome = work(&fixture);
        calls = Calls::of(&fixture.exchanges());
        fixture.give_back(hosts);
        outcome
    });
    (outcome, calls)
}

/// A panic of the fixture as an error.
fn carefully<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panic_message(panic.as_ref())))
}
