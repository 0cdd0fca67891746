//! How the time for a call is divided.

use std::time::{Duration, Instant};

use cni_wrapper::Verb;

/// What stopping a delegate gently may take, before it is killed.
const GENTLY: Duration = Duration::from_millis(500);

/// The two moments that a call's time is divided by.
///
/// ```
/// use cni_resilience::Deadline;
/// use cni_wrapper::Verb;
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let deadline = Deadline::of(Verb::Add, Duration::from_secs(30), now);
/// assert_eq!(deadline.work, now + Duration::from_secs(22), "8 s are kept to undo it");
/// assert_eq!(deadline.end, now + Duration::from_secs(30));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// When delegates are stopped: give it to [`Call::with_deadline`](cni_wrapper::Call::with_deadline).
    pub work: Instant,
    /// When the plugin answers, whatever goes on.
    pub end: Instant,
}

impl Deadline {
    /// Divides the whole time of a call that begins now: it keeps time to stop a delegate, and for an ADD a quarter of the whole to undo it.
    pub fn of(verb: Verb, whole: Duration, now: Instant) -> Self {
        let kept = match verb {
            Verb::Add => (whole / 4 + GENTLY).min(whole / 2),
            _ => GENTLY.min(whole / 4),
        };
        Self { work: now + (whole - kept), end: now + whole }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_add_keeps_time_to_be_undone_and_every_verb_to_be_stopped() {
        let table = [
            (Verb::Add, 30_000, 22_000),
            (Verb::Add, 2_000, 1_000),
            (Verb::Add, 100, 50),
            (Verb::Del, 30_000, 29_500),
            (Verb::Status, 1_000, 750),
            (Verb::Gc, 100, 75),
        ];
        let now = Instant::now();
        for (verb, whole, work) in table {
            let [whole, work] = [whole, work].map(Duration::from_millis);
            let expected = Deadline { work: now + work, end: now + whole };
            assert_eq!(Deadline::of(verb, whole, now), expected, "{verb} in {whole:?}");
        }
    }
}
