//! Any system call of the plugin fails. How it takes failing programs is shown in `tests/runner`, with programs that only pretend.

use cni_test_kit::{Fault, Outcome};
use rustix::io::Errno;

use super::scene::{Deed, Scene};
use crate::common::{del, plugin};

on_every_backend!(
    an_add_with_any_system_call_failing_succeeds_whole_or_leaves_nothing,
    a_del_with_any_system_call_failing_succeeds_whole_or_can_be_repeated,
    a_restore_with_any_system_call_failing_succeeds_whole_or_can_be_repeated,
);

/// A broken device, a signal, not now, a full memory, disk and process, a lack of rights, a read-only file system.
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

/// How a program ends that panics and tells nobody.
const PANICKED: i32 = 101;

/// Whether it ended with an answer of its own, and not before it could give one: for want of memory, say.
fn answered(at: &str, outcome: &Outcome) -> bool {
    assert_ne!(outcome.code(), Some(PANICKED), "{at}: {outcome}");
    let answered = outcome.code() == Some(1) && !outcome.stdout.is_empty();
    if answered {
        outcome.error();
    }
    answered
}

fn an_add_with_any_system_call_failing_succeeds_whole_or_leaves_nothing(backend: &'static str) {
    let scene = Scene::new(backend);
    let (mut succeeded, mut speechless) = (0, 0);
    let tried = scene.everywhere(Deed::Add, &faults(), |at, outcome| {
        if outcome.code() == Some(0) {
            succeeded += 1;
            scene.check(at, &outcome.json());
            del(&scene.call);
        } else if !answered(at, outcome) {
            speechless += 1;
            del(&scene.call);
        }
    });
    println!(
        "{backend}: a call of ADD failed at {tried} places: {succeeded} succeeded whole, {speechless} could not answer, the rest said so and left nothing"
    );
}

fn a_del_with_any_system_call_failing_succeeds_whole_or_can_be_repeated(backend: &'static str) {
    let scene = Scene::new(backend);
    let mut succeeded = 0;
    let tried = scene.everywhere(Deed::Del, &faults(), |at, outcome| {
        if outcome.code() == Some(0) {
            succeeded += 1;
        } else {
            answered(at, outcome);
            del(&scene.call);
        }
    });
    println!(
        "{backend}: a call of DEL failed at {tried} places: {succeeded} succeeded, the rest was completed by the next"
    );
}

fn a_restore_with_any_system_call_failing_succeeds_whole_or_can_be_repeated(backend: &'static str) {
    let scene = Scene::new(backend);
    let result = scene.call.run(plugin()).json();
    del(&scene.call);
    let mut succeeded = 0;
    let tried = scene.everywhere(Deed::Restore, &faults(), |at, outcome| {
        assert_ne!(outcome.code(), Some(PANICKED), "{at}: {outcome}");
        if outcome.code() == Some(0) {
            succeeded += 1;
            scene.check(at, &result);
        } else {
            scene.restore_and_check(at, &result);
        }
        del(&scene.call);
    });
    println!(
        "{backend}: a call of restore failed at {tried} places: {succeeded} succeeded whole, the rest was completed by the next"
    );
}
