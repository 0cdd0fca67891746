//! The state machine as tables: the outcomes of ADDs, and the state at given times.

use super::*;

fn config() -> CircuitBreaker {
    CircuitBreaker {
        failure_threshold: 3.try_into().unwrap(),
        window: Seconds::new(60),
        open_for: Seconds::new(10),
        max_open_for: Seconds::new(25),
    }
}

/// What happens, or is expected, at a time in seconds.
enum Step {
    /// An ADD that a closed breaker admitted ends.
    Fails(u64),
    Succeeds(u64),
    ProbeFails(u64),
    ProbeSucceeds(u64),
    /// The state that is expected.
    Closed(u64),
    HalfOpen(u64),
    /// Open for this number of seconds.
    Open(u64, u64),
}

use Step::{Closed, Fails, HalfOpen, Open as IsOpen, ProbeFails, ProbeSucceeds, Succeeds};

fn run(steps: &[Step]) {
    let mut history = History::default();
    for (number, step) in steps.iter().enumerate() {
        let failure = || Outcome::Failure("why".to_owned());
        let mut record = |second: u64, outcome, is_probe| {
            history = history.clone().after(outcome, is_probe, second * 1000, &config());
        };
        match *step {
            Fails(second) => record(second, failure(), false),
            Succeeds(second) => record(second, Outcome::Success, false),
            ProbeFails(second) => record(second, failure(), true),
            ProbeSucceeds(second) => record(second, Outcome::Success, true),
            Closed(second) => {
                assert_eq!(history.state(second * 1000), State::Closed, "step {number}");
            }
            HalfOpen(second) => {
                assert_eq!(history.state(second * 1000), State::HalfOpen, "step {number}");
            }
            IsOpen(second, left) => {
                let open = State::Open { left: Duration::from_secs(left), error: "why" };
                assert_eq!(history.state(second * 1000), open, "step {number}");
            }
        }
    }
}

#[test]
fn consecutive_failures_open_it_for_a_while() {
    run(&[
        Closed(0),
        Fails(1),
        Fails(2),
        Closed(2),
        Fails(3),
        IsOpen(3, 10),
        IsOpen(12, 1),
        HalfOpen(13),
    ]);
}

#[test]
fn a_success_resets_the_count_of_failures() {
    run(&[Fails(1), Fails(2), Succeeds(3), Fails(4), Fails(5), Closed(5), Fails(6), IsOpen(6, 10)]);
}

#[test]
fn failures_older_than_the_window_do_not_count() {
    run(&[Fails(0), Fails(1), Fails(60), Closed(60), Fails(60), IsOpen(60, 10)]);
}

#[test]
fn each_failed_probe_doubles_the_time_up_to_the_maximum() {
    run(&[
        Fails(1),
        Fails(1),
        Fails(1),
        HalfOpen(11),
        ProbeFails(12),
        IsOpen(12, 20),
        HalfOpen(32),
        ProbeFails(40),
        IsOpen(40, 25),
        HalfOpen(65),
        ProbeFails(70),
        IsOpen(70, 25),
    ]);
}

#[test]
fn a_successful_probe_closes_it_and_clears_its_history() {
    run(&[Fails(1), Fails(1), Fails(1), ProbeFails(12), ProbeSucceeds(40), Closed(40)]);
    run(&[
        Fails(1),
        Fails(1),
        Fails(1),
        ProbeSucceeds(12),
        Fails(13),
        Fails(13),
        Closed(13),
        Fails(13),
        IsOpen(13, 10),
    ]);
}

#[test]
fn an_add_that_was_admitted_before_it_opened_changes_nothing() {
    run(&[Fails(1), Fails(1), Fails(1), Succeeds(2), Fails(5), IsOpen(5, 6), HalfOpen(11)]);
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_it_open() {
    run(&[Fails(100), Fails(100), Fails(100), IsOpen(100, 10), HalfOpen(99)]);
    run(&[Fails(100), Fails(100), Fails(50), Closed(50)]);
}

#[test]
fn an_error_that_blames_the_call_does_not_count() {
    let counted: Vec<u32> = (1..=11).chain([100, 102, 999]).filter(|code| counts(*code)).collect();
    assert_eq!(counted, [5, 6, 8, 9, 10, 11, 100, 102, 999]);
}
