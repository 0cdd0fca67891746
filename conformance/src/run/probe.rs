//! Finds the versions in which a plugin can be tested.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use cni_protocol::SpecVersion;
use serde_json::Value;

use super::case::panic_message;
use super::cost::Calls;
use crate::fixture::Fixture;
use crate::fixture::host_pool::HostPool;
use crate::subject::Subject;
use crate::verdict::Stop;

/// Returns the versions that the plugin claims and that are known here, oldest first. Adds its
/// calls to `calls`.
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
            format!("VERSION does not list the supported versions: {}", answer.exchange.ending())
        })?;
        let claims = |version: &SpecVersion| list.iter().any(|text| text == version.as_str());
        Ok(SpecVersion::ALL.into_iter().filter(claims).collect())
    });
    *calls += spent;
    claimed
}

/// Tests whether ADD and DEL succeed in this version, and returns the calls that this took.
pub(super) fn usable(
    hosts: &HostPool,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
) -> (Result<(), String>, Calls) {
    on_a_fixture(hosts, subject, version, limit, |fixture| match fixture.warm_up() {
        Err(Stop::Finding(finding)) => {
            Err(format!("expected {}, got {}", finding.expected, finding.actual))
        }
        _ => Ok(()),
    })
}

/// Calls `work` with a fixture on a host of the pool. A panic of the fixture becomes an error.
fn on_a_fixture<T>(
    hosts: &HostPool,
    subject: &Subject,
    version: SpecVersion,
    limit: Duration,
    work: impl FnOnce(&Fixture) -> Result<T, String>,
) -> (Result<T, String>, Calls) {
    let mut calls = Calls::default();
    let result = catch_panic(|| {
        let fixture = Fixture::on(hosts, subject, version, limit);
        let result = work(&fixture);
        calls = Calls::of(&fixture.exchanges());
        fixture.return_to(hosts);
        result
    });
    (result, calls)
}

/// Turns a panic into an error.
fn catch_panic<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(panic_message(panic.as_ref())))
}
