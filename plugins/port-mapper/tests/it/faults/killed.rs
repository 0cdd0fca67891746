//! The port mapper and its children, killed at any system call.

use cni_test_kit::{Fault, Outcome};

use super::fixture::{Fixture, Operation};
use crate::common::{del, plugin};

on_every_backend!(
    an_add_that_is_killed_anywhere_is_cleaned_up_by_a_del,
    an_add_whose_child_is_killed_anywhere_fails_or_does_without_it_and_leaves_nothing,
    a_del_that_is_killed_anywhere_is_completed_by_the_next,
    a_restore_that_is_killed_anywhere_is_completed_by_the_next_and_leaves_nothing_after_a_del,
);

on_both_iptables!(
    an_add_that_is_killed_anywhere_leaves_the_empty_chain_of_another_program_to_it,
    a_del_that_is_killed_anywhere_leaves_the_empty_chain_of_another_program_to_it,
);

const KILLED: Option<i32> = Some(128 + 9);

/// Checks that stderr consists of whole lines, even if the plugin was killed.
fn assert_whole_lines(at: &str, outcome: &Outcome) {
    let stderr = &outcome.stderr;
    assert!(stderr.is_empty() || stderr.ends_with('\n'), "{at}: an incomplete line: {stderr}");
}

fn an_add_that_is_killed_anywhere_is_cleaned_up_by_a_del(backend: &'static str) {
    let fixture = Fixture::new(backend);
    let calls = fixture.at_every_call(Operation::Add, &[Fault::KillPlugin], |at, outcome| {
        assert_whole_lines(at, outcome);
        del(&fixture.call);
    });
    println!("{backend}: ADD killed at {calls} system calls, then DEL: nothing is left");
}

fn an_add_whose_child_is_killed_anywhere_fails_or_does_without_it_and_leaves_nothing(
    backend: &'static str,
) {
    let fixture = Fixture::new(backend);
    let calls = fixture.at_every_call(Operation::Add, &[Fault::KillCaller], |at, outcome| {
        match outcome.code() {
            // The plugin itself was killed.
            KILLED => drop(del(&fixture.call)),
            // If an iptables that lists rules is killed, another one lists them. The delegate's
            // work is not repeated.
            Some(0) => {
                assert!(!at.starts_with("inner "), "{at}: {outcome}");
                del(&fixture.call);
            }
            _ => drop(outcome.error()),
        }
    });
    println!("{backend}: a process of ADD killed at {calls} system calls: nothing is left");
}

fn a_del_that_is_killed_anywhere_is_completed_by_the_next(backend: &'static str) {
    let fixture = Fixture::new(backend);
    let calls = fixture
        .at_every_call(Operation::Del, &[Fault::KillPlugin], |_, _| drop(del(&fixture.call)));
    println!("{backend}: DEL killed at {calls} system calls, then DEL: nothing is left");
}

fn a_restore_that_is_killed_anywhere_is_completed_by_the_next_and_leaves_nothing_after_a_del(
    backend: &'static str,
) {
    let fixture = Fixture::new(backend);
    let result = fixture.call.run(plugin()).json();
    del(&fixture.call);
    let mut is_even = false;
    let calls = fixture.at_every_call(Operation::Restore, &[Fault::KillPlugin], |at, outcome| {
        assert_whole_lines(at, outcome);
        is_even = !is_even;
        // Every second time the container is deleted before rules are restored again.
        if is_even {
            fixture.restore_and_check(at, &result);
        }
        del(&fixture.call);
    });
    println!(
        "{backend}: restore killed at {calls} system calls, then restore and DEL: nothing is left"
    );
}

fn an_add_that_is_killed_anywhere_leaves_the_empty_chain_of_another_program_to_it(
    backend: &'static str,
) {
    let fixture = Fixture::in_a_chain_of_another_program(backend);
    let calls = fixture
        .at_every_call(Operation::Add, &[Fault::KillPlugin], |_, _| drop(del(&fixture.call)));
    println!("{backend}: ADD in a found chain killed at {calls} system calls, then DEL: as before");
}

fn a_del_that_is_killed_anywhere_leaves_the_empty_chain_of_another_program_to_it(
    backend: &'static str,
) {
    let fixture = Fixture::in_a_chain_of_another_program(backend);
    let calls = fixture
        .at_every_call(Operation::Del, &[Fault::KillPlugin], |_, _| drop(del(&fixture.call)));
    println!("{backend}: DEL in a found chain killed at {calls} system calls, then DEL: as before");
}
