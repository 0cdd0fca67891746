//! What happened to each port, for the report of a failure.

use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::soak::ledger::Ports;

/// The events that a report contains at most: the last ones.
const LENGTH: usize = 60;

/// Something that happened to some ports.
struct Event {
    began: Instant,
    ended: Instant,
    what: String,
    /// `None`: to all ports.
    ports: Option<Vec<Ports>>,
}

/// All events so far.
pub(super) struct Log {
    start: Instant,
    events: Mutex<Vec<Event>>,
}

impl Log {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), events: Mutex::default() }
    }

    /// Records an event of these ports, or of all, that ends now.
    pub(super) fn record(&self, began: Instant, what: String, ports: Option<&[Ports]>) {
        let ports = ports.map(<[Ports]>::to_vec);
        let event = Event { began, ended: Instant::now(), what, ports };
        self.events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }

    /// Returns the last events of these ports in the order of their beginnings, a line each, with
    /// times in milliseconds.
    pub(super) fn history(&self, ports: &[Ports]) -> String {
        let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.sort_by_key(|event| event.began);
        let overlaps = |own: &Ports| ports.iter().any(|port| own.overlap(port));
        let concerns = |event: &&Event| match &event.ports {
            Some(own) => own.iter().any(overlaps),
            None => true,
        };
        let last: Vec<&Event> = events.iter().rev().filter(concerns).take(LENGTH).collect();
        let mut text = String::new();
        for event in last.iter().rev() {
            let [began, ended] = [event.began, event.ended]
                .map(|at| at.saturating_duration_since(self.start).as_millis());
            // Writing to a string never fails.
            let _ = writeln!(text, "  {began:>7} to {ended:>7} ms  {}", event.what);
        }
        text
    }
}
