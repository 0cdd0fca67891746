//! Running a lifecycle.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::definition::Lifecycle;
use super::setup::Setup;
use super::steps::Step;
use super::testbed::Testbed;
use crate::exchange::Exchange;
use crate::run::case::panic_message;
use crate::verdict::{Finding, Stop, Verdict};

/// The result of a lifecycle.
#[derive(Clone, Debug)]
pub struct LifecycleResult {
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The verdict.
    pub verdict: Verdict,
    /// The expected and the actual behaviour, if it failed.
    pub finding: Option<Finding>,
    /// Why it was skipped or is broken.
    pub note: Option<String>,
    /// The call that failed, or else the last one.
    pub exchange: Option<Exchange>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// Runs a lifecycle, and returns the testbed in its final state for inspection. When the testbed is
/// dropped, everything on it is removed.
pub fn run_lifecycle(lifecycle: &Lifecycle, setup: &Setup) -> (LifecycleResult, Option<Testbed>) {
    let started = Instant::now();
    let mut testbed = None;
    let result =
        catch_unwind(AssertUnwindSafe(|| run_on(lifecycle, testbed.insert(Testbed::new(setup)))));
    let (verdict, finding, note) = match result {
        Ok(Ok(())) => (Verdict::Pass, None, None),
        Ok(Err(End::Broken(note))) => (Verdict::Broken, None, Some(note)),
        Ok(Err(End::Stop(stop))) => {
            let verdict = Verdict::of(&Err(stop.clone()), lifecycle.severity);
            match stop {
                Stop::Finding(finding) => (verdict, Some(finding), None),
                Stop::Skip(note) | Stop::Info(note) => (verdict, None, Some(note)),
            }
        }
        Err(panic) => (Verdict::Broken, None, Some(panic_message(panic.as_ref()))),
    };
    let steps = testbed.as_ref().map(Testbed::steps).unwrap_or_default();
    let exchange = testbed.as_ref().and_then(Testbed::relevant_call);
    let millis = started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    (LifecycleResult { steps, verdict, finding, note, exchange, millis }, testbed)
}

enum End {
    Stop(Stop),
    Broken(String),
}

fn run_on(lifecycle: &Lifecycle, testbed: &Testbed) -> Result<(), End> {
    if !lifecycle.runtimes.contains(&testbed.setup().kind()) {
        let kind = testbed.setup().kind();
        return Err(End::Stop(Stop::skip(format!("this cannot occur in {kind}"))));
    }
    // Creates what attachments share: a bridge, a chain, a directory.
    testbed.warm_up().map_err(|failure| match failure.exchange {
        // The plugin, or one that it runs and whose error it returns, answered with an error.
        Some(_) => End::Stop(Stop::finding("a plain ADD and DEL succeed", failure.message)),
        None => End::Broken(format!("even a plain ADD and DEL fail: {failure}")),
    })?;
    let before = testbed.snapshot();
    (lifecycle.run)(testbed).map_err(End::Stop)?;
    testbed.expect_nothing_left(&before).map_err(End::Stop)
}
