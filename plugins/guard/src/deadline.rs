//! How the time for a call is divided.

use std::time::{Duration, Instant};

use cni_wrapper::Verb;

/// What stopping a delegate gently may take, before it is killed.
const GENTLY: Duration = Duration::from_millis(500);

/// Two moments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deadline {
    /// When delegates are stopped.
    pub(crate) work: Instant,
    /// When we answer, whatever goes on.
    pub(crate) end: Instant,
}

impl Deadline {
    /// Keeps time to stop a delegate, and for an ADD a quarter of the whole to undo it.
    pub(crate) fn of(verb: Verb, whole: Duration, now: Instant) -> Self {
        let kept = match verb {
            Verb::Add => (whole / 4 + GENTLY).min(whole / 2),
            _ => GENTLY.min(whole / 4),
        };
        Self { work: now + (whole - kept), end: now + whole }
    }
}
