//! Runs a lifecycle and judges it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::definition::Lifecycle;
use super::setup::Setup;
use super::steps::Step;
use super::testbed::Testbed;
use crate::exchange::Exchange;
use crate::run::case::panic_message;
use crate::verdict::{Finding, Stop, Verdict};

/// How a lifecycle went.
#[derive(Clone, Debug)]
pub struct LifecycleResult {
    /// What happened, in its order.
    pub steps: Vec<Step>,
    /// How it ended.
    pub verdict: Verdict,
    /// What was expected and seen, when it went wrong.
    pub finding: Option<Finding>,
    /// Why it was skipped or is broken.
    pub note: Option<String>,
    /// The call that went wrong.
    pub exchange: Option<Exchange>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// Plays a lifecycle. The testbed is returned as it is afterwards, for whoever wants to look at it; when it is dropped, all is gone.
pub fn run_lifecycle(lifecycle: &Lifecycle, setup: &Setup) -> (LifecycleResult, Option<Testbed>) {
    let started = Instant::now();
    let mut testbed = None;
    let judged =
        catch_unwind(AssertUnwindSafe(|| play(lifecycle, testbed.insert(Testbed::new(setup)))));
    let (verdict, finding, note) = match judged {
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
    let exchange = testbed.as_ref().and_then(Testbed::wrong);
    let millis = started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    (LifecycleResult { steps, verdict, finding, note, exchange, millis }, testbed)
}

enum End {
    Stop(Stop),
    Broken(String),
}

fn play(lifecycle: &Lifecycle, testbed: &Testbed) -> Result<(), End> {
    if !lifecycle.runtimes.contains(&testbed.setup().kind()) {
        let kind = testbed.setup().kind();
        return Err(End::Stop(Stop::skip(format!("nothing in {kind} leads to this"))));
    }
    // What all attachments share (a bridge, a chain, a directory) is made by this one.
    testbed.warm_up().map_err(|failure| {
        End::Broken(format!("not even an ordinary ADD and DEL succeed: {failure}"))
    })?;
    let before = testbed.snapshot();
    (lifecycle.run)(testbed).map_err(End::Stop)?;
    testbed.nothing_is_left(&before).map_err(End::Stop)
}
