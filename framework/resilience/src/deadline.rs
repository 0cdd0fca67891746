//! How the time for a call is divided.

use std::time::{Duration, Instant};

use cni_wrapper::Verb;

/// The time kept for a delegate to end after SIGTERM, before it is killed.
const TERMINATION_GRACE: Duration = Duration::from_millis(500);

/// The soft and the hard deadline of a call.
///
/// The time between the two is for cleaning up: stopping a delegate, and undoing an ADD that
/// failed, before the runtime gives up on the plugin.
///
/// ```
/// use cni_resilience::Deadline;
/// use cni_wrapper::Verb;
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let deadline = Deadline::new(Verb::Add, Duration::from_secs(30), now);
/// assert_eq!(deadline.soft, now + Duration::from_secs(22), "8 s are kept to undo the ADD");
/// assert_eq!(deadline.hard, now + Duration::from_secs(30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Deadline {
    /// When delegates are stopped, as by [`Call::with_deadline`](cni_wrapper::Call::with_deadline).
    pub soft: Instant,
    /// When the plugin answers, even if something is still running.
    pub hard: Instant,
}

impl Deadline {
    /// Divides the time of a call that begins `now`.
    ///
    /// Every verb keeps half a second to stop a delegate, or a quarter of a short `timeout`. ADD
    /// also keeps a quarter of `timeout` for its rollback, but never more than half in total.
    pub fn new(verb: Verb, timeout: Duration, now: Instant) -> Self {
        let cleanup = match verb {
            Verb::Add => (timeout / 4 + TERMINATION_GRACE).min(timeout / 2),
            _ => TERMINATION_GRACE.min(timeout / 4),
        };
        Self { soft: now + (timeout - cleanup), hard: now + timeout }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn add_keeps_time_for_its_rollback_and_every_verb_for_stopping_a_delegate() {
        let table = [
            (Verb::Add, 30_000, 22_000),
            (Verb::Add, 2_000, 1_000),
            (Verb::Add, 100, 50),
            (Verb::Del, 30_000, 29_500),
            (Verb::Status, 1_000, 750),
            (Verb::Gc, 100, 75),
        ];
        let now = Instant::now();
        for (verb, timeout, soft) in table {
            let [timeout, soft] = [timeout, soft].map(Duration::from_millis);
            let expected = Deadline { soft: now + soft, hard: now + timeout };
            assert_eq!(Deadline::new(verb, timeout, now), expected, "{verb} in {timeout:?}");
        }
    }
}
