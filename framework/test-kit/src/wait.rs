//! Waiting for a condition.

use std::thread;
use std::time::{Duration, Instant};

/// The time after which a wait counts as a hang, however slow the machine is.
const LIMIT: Duration = Duration::from_secs(120);

/// Waits until `condition` holds; `what` describes it in the message of the panic.
///
/// # Panics
/// If the condition does not hold after two minutes.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let started = Instant::now();
    while !condition() {
        assert!(started.elapsed() < LIMIT, "still waiting after {LIMIT:?}: {what}");
        thread::sleep(Duration::from_millis(2));
    }
}
