//! The port mapper around Debian's bridge and host-local, killed at any system call of these
//! programs.

use cni_test_kit::{Fault, Outcome};

use super::fixture::{Fixture, Operation};
use crate::common::plugin;

on_every_backend!(
    around_a_real_bridge_an_add_that_is_killed_anywhere_is_cleaned_up_by_at_most_two_dels,
    around_a_real_bridge_a_del_that_is_killed_anywhere_is_completed_by_at_most_two_more,
);

/// Runs DEL, and repeats it once if the delegate fails: bridge fails once if its masquerade chain
/// is missing or incomplete. The port mapper itself must not fail. Returns the number of failures.
fn del(at: &str, fixture: &Fixture) -> usize {
    let del = || -> Outcome { fixture.call.clone().as_verb("DEL").run(plugin()) };
    let first = del();
    if first.code() == Some(0) {
        return 0;
    }
    let (_, msg, details) = first.error();
    assert!(details.contains("bridge"), "{at}: not for the delegate: {msg}: {details}");
    let second = del();
    assert_eq!(second.code(), Some(0), "{at}: the second DEL: {second}");
    1
}

fn around_a_real_bridge_an_add_that_is_killed_anywhere_is_cleaned_up_by_at_most_two_dels(
    backend: &'static str,
) {
    let fixture = Fixture::on_a_bridge(backend, true);
    let mut twice = 0;
    let calls = fixture
        .at_every_call(Operation::Add, &[Fault::KillPlugin], |at, _| twice += del(at, &fixture));
    println!(
        "{backend}: ADD around bridge killed at {calls} system calls: nothing is left; \
         bridge needed a second DEL {twice} times"
    );
}

fn around_a_real_bridge_a_del_that_is_killed_anywhere_is_completed_by_at_most_two_more(
    backend: &'static str,
) {
    // Without the link, bridge does not find the masquerade rules of the container and leaves them.
    let fixture = Fixture::on_a_bridge(backend, false);
    let mut twice = 0;
    let calls = fixture
        .at_every_call(Operation::Del, &[Fault::KillPlugin], |at, _| twice += del(at, &fixture));
    println!(
        "{backend}: DEL around bridge killed at {calls} system calls: nothing is left; \
         bridge needed a second DEL {twice} times"
    );
}
