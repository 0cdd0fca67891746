//! The relaunch of a task on the host port of the task before it.
//!
//! Mesos offers a host port again as soon as the terminal status of its task arrives. The executor
//! exits about a second later, so the ADD of the next task begins before the DEL of the first.

use std::thread;
use std::time::{Duration, Instant};

use super::definition::Lifecycle;
use super::outside::{MappedPort, Outside};
use super::testbed::{Container, Testbed};
use crate::runtime::failure::Failure;
use crate::runtime::kind::RuntimeKind;
use crate::severity::Severity;
use crate::threads::join;
use crate::verdict::{CaseResult, Stop};
use crate::wait::holds_within;

pub(super) const LIFECYCLES: &[Lifecycle] = &[Lifecycle {
    name: "relaunch",
    does: "a task ends, another one gets its host port, and its ADD begins before the first's DEL",
    runtimes: &[RuntimeKind::Mesos],
    severity: Severity::Must,
    run: relaunch,
}];

const NO_PORT: &str = "it maps no TCP port: the subject has no `runtimeConfig.portMappings`, and \
                       there is no --cap or --info with one";

fn relaunch(testbed: &Testbed) -> CaseResult {
    let first = testbed.container("first");
    let port = MappedPort::of(&first).ok_or_else(|| Stop::skip(NO_PORT))?;
    let second = testbed.successor("second", &first);
    let outside = Outside::connect(testbed);
    [&first, &second].into_iter().for_each(|container| outside.route_from(container));
    testbed.add(&first)?;
    outside.reaches(port, &first)?;
    replace(testbed, &first, &second, port)?;
    outside.reaches(port, &second)?;
    testbed.del(&second, "")?;
    outside.remove();
    Ok(())
}

/// A call of the plugin, with times since the terminal status.
struct Timed {
    what: String,
    began: Duration,
    ended: Duration,
    outcome: Result<(), Failure>,
}

/// Runs the ADD of the second container and, after the delay of Mesos, the DEL of the first.
///
/// Both must succeed. The ADD may end before the DEL or after it.
fn replace(
    testbed: &Testbed,
    first: &Container,
    second: &Container,
    port: MappedPort,
) -> CaseResult {
    let status = format!("the terminal status of {}: host port {} is free", first.id, port.host);
    testbed.steps.passed(&status, None);
    let status = Instant::now();
    let mut calls = thread::scope(|scope| {
        let before = testbed.calls_started();
        let add = scope.spawn(|| {
            timed(status, format!("ADD of {}", second.id), || testbed.try_add(second).map(drop))
        });
        let has_begun = || testbed.calls_started() > before || add.is_finished();
        holds_within(testbed.setup().limit, has_begun);
        thread::sleep(testbed.setup().del_delay.saturating_sub(status.elapsed()));
        let del = timed(status, format!("DEL of {}", first.id), || testbed.try_del(first));
        [join(add), del]
    });
    calls.sort_by_key(|call| call.ended);
    // Both are reported, also if the first one failed.
    let reported = calls.map(|call| report(testbed, call));
    reported.into_iter().collect()
}

fn timed(status: Instant, what: String, call: impl FnOnce() -> Result<(), Failure>) -> Timed {
    let began = status.elapsed();
    let outcome = call();
    Timed { what, began, ended: status.elapsed(), outcome }
}

fn report(testbed: &Testbed, call: Timed) -> CaseResult {
    let [began, ended] = [call.began, call.ended].map(|time| time.as_secs_f64());
    let times = format!("from {began:.2} s to {ended:.2} s after the terminal status");
    testbed.steps.timed(&call.what, call.outcome, times)
}
