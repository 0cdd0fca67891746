//! The breaker's life as tables: what happens when, and what an ADD finds then.

use super::*;

fn breaker() -> Breaker {
    let seconds = Seconds::new;
    Breaker {
        failures: 3.try_into().unwrap(),
        window: seconds(60),
        open: seconds(10),
        longest_open: seconds(25),
    }
}

enum Step {
    /// An ADD that was let through ends at this second.
    Fails(u64),
    Succeeds(u64),
    ProbeFails(u64),
    ProbeSucceeds(u64),
    /// What an ADD finds at this second.
    Closed(u64),
    HalfOpen(u64),
    /// For so many seconds.
    Open(u64, u64),
}

use Step::{Closed, Fails, HalfOpen, Open as IsOpen, ProbeFails, ProbeSucceeds, Succeeds};

fn live(steps: &[Step]) {
    let mut state = State::default();
    for (number, step) in steps.iter().enumerate() {
        let failure = || Outcome::Failure("why".to_owned());
        let mut goes = |second: u64, outcome, probe| {
            state = state.clone().after(outcome, probe, second * 1000, &breaker());
        };
        match *step {
            Fails(second) => goes(second, failure(), false),
            Succeeds(second) => goes(second, Outcome::Success, false),
            ProbeFails(second) => goes(second, failure(), true),
            ProbeSucceeds(second) => goes(second, Outcome::Success, true),
            Closed(second) => assert_eq!(state.gate(second * 1000), Gate::Closed, "step {number}"),
            HalfOpen(second) => {
                assert_eq!(state.gate(second * 1000), Gate::HalfOpen, "step {number}")
            }
            IsOpen(second, left) => {
                let open = Gate::Open(Duration::from_secs(left), "why");
                assert_eq!(state.gate(second * 1000), open, "step {number}");
            }
        }
    }
}

#[test]
fn failures_in_succession_open_it_until_its_time_is_over() {
    live(&[
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
fn a_success_in_between_begins_anew() {
    live(&[
        Fails(1),
        Fails(2),
        Succeeds(3),
        Fails(4),
        Fails(5),
        Closed(5),
        Fails(6),
        IsOpen(6, 10),
    ]);
}

#[test]
fn failures_that_are_older_than_the_window_do_not_count() {
    live(&[Fails(0), Fails(1), Fails(60), Closed(60), Fails(60), IsOpen(60, 10)]);
}

#[test]
fn each_probe_that_fails_doubles_its_time_up_to_the_longest() {
    live(&[
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
fn a_probe_that_succeeds_closes_it_and_all_is_forgotten() {
    live(&[Fails(1), Fails(1), Fails(1), ProbeFails(12), ProbeSucceeds(40), Closed(40)]);
    live(&[
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
fn an_add_from_before_it_opened_changes_nothing() {
    live(&[Fails(1), Fails(1), Fails(1), Succeeds(2), Fails(5), IsOpen(5, 6), HalfOpen(11)]);
}

#[test]
fn a_clock_that_went_back_does_not_keep_it_open() {
    live(&[Fails(100), Fails(100), Fails(100), IsOpen(100, 10), HalfOpen(99)]);
    live(&[Fails(100), Fails(100), Fails(50), Closed(50)]);
}

#[test]
fn a_call_that_is_wrong_says_nothing_of_the_delegate() {
    let counted: Vec<u32> = (1..=11).chain([100, 102, 999]).filter(|code| counts(*code)).collect();
    assert_eq!(counted, [5, 6, 8, 9, 10, 11, 100, 102, 999]);
}
