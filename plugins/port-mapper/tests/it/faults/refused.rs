//! Any system call of the plugin fails. Failing programs are tested in `tests/it/runner`, with fake
//! programs.

use cni_test_kit::{Fault, Outcome};
use rustix::io::Errno;

use super::fixture::{Fixture, Operation};
use crate::common::{del, plugin};

on_every_backend!(
    an_add_with_any_system_call_failing_succeeds_or_leaves_nothing,
    a_del_with_any_system_call_failing_succeeds_or_can_be_repeated,
    a_restore_with_any_system_call_failing_succeeds_or_can_be_repeated,
);

/// The errors that system calls return.
const ERRORS: [Errno; 8] = [
    Errno::IO,
    Errno::INTR,
    Errno::AGAIN,
    Errno::NOMEM,
    Errno::NOSPC,
    Errno::MFILE,
    Errno::PERM,
    Errno::ROFS,
];

fn faults() -> Vec<Fault> {
    ERRORS.iter().map(|error| Fault::Fail(error.raw_os_error())).collect()
}

/// The exit status of a program that panics.
const PANICKED: i32 = 101;

/// Reports whether the plugin printed an error object. It cannot if it has no memory, for instance.
fn answered(at: &str, outcome: &Outcome) -> bool {
    assert_ne!(outcome.code(), Some(PANICKED), "{at}: {outcome}");
    let answered = outcome.code() == Some(1) && !outcome.stdout.is_empty();
    if answered {
        outcome.error();
    }
    answered
}

fn an_add_with_any_system_call_failing_succeeds_or_leaves_nothing(backend: &'static str) {
    let fixture = Fixture::new(backend);
    let (mut succeeded, mut unanswered) = (0, 0);
    let calls = fixture.at_every_call(Operation::Add, &faults(), |at, outcome| {
        if outcome.code() == Some(0) {
            succeeded += 1;
            fixture.check(at, &outcome.json());
            del(&fixture.call);
        } else if !answered(at, outcome) {
            unanswered += 1;
            del(&fixture.call);
        }
    });
    println!(
        "{backend}: {calls} system calls of ADD failed: {succeeded} ADDs succeeded, \
         {unanswered} could not answer, the others reported an error and left nothing"
    );
    assert!(unanswered * 2 < calls, "{backend}: {unanswered} of {calls} could not answer");
}

fn a_del_with_any_system_call_failing_succeeds_or_can_be_repeated(backend: &'static str) {
    let fixture = Fixture::new(backend);
    let mut succeeded = 0;
    let calls = fixture.at_every_call(Operation::Del, &faults(), |at, outcome| {
        if outcome.code() == Some(0) {
            succeeded += 1;
        } else {
            answered(at, outcome);
            del(&fixture.call);
        }
    });
    println!(
        "{backend}: {calls} system calls of DEL failed: {succeeded} DELs succeeded, \
         the others were completed by the next"
    );
}

fn a_restore_with_any_system_call_failing_succeeds_or_can_be_repeated(backend: &'static str) {
    let fixture = Fixture::new(backend);
    let result = fixture.call.run(plugin()).json();
    del(&fixture.call);
    let mut succeeded = 0;
    let calls = fixture.at_every_call(Operation::Restore, &faults(), |at, outcome| {
        assert_ne!(outcome.code(), Some(PANICKED), "{at}: {outcome}");
        if outcome.code() == Some(0) {
            succeeded += 1;
            fixture.check(at, &result);
        } else {
            fixture.restore_and_check(at, &result);
        }
        del(&fixture.call);
    });
    println!(
        "{backend}: {calls} system calls of restore failed: {succeeded} succeeded, \
         the others were completed by the next"
    );
}
