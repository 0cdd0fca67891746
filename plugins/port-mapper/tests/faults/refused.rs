//! Any system call of the plugin fails. How it takes failing programs is shown in `tests/runner`, with programs that only pretend.

use cni_wrapper_test::{Fault, Outcome};

use crate::common::{del, plugin};
use crate::scene::Scene;

on_every_backend!(
    an_add_with_any_system_call_failing_succeeds_whole_or_leaves_nothing,
    a_del_with_any_system_call_failing_succeeds_whole_or_can_be_repeated,
);

const EIO: i32 = 5;
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

fn an_add_with_any_system_call_failing_succeeds_whole_or_leaves_nothing(backend: &str) {
    let scene = Scene::new(backend);
    let (mut succeeded, mut speechless) = (0, 0);
    let tried = scene.everywhere("ADD", Fault::Fail(EIO), |at, outcome| {
        if outcome.code() == Some(0) {
            succeeded += 1;
            let check = scene.call.clone().key("prevResult", outcome.json()).as_verb("CHECK");
            let check = check.run(plugin());
            assert_eq!(check.code(), Some(0), "{at}: a success that is none: {check}");
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

fn a_del_with_any_system_call_failing_succeeds_whole_or_can_be_repeated(backend: &str) {
    let scene = Scene::new(backend);
    let mut succeeded = 0;
    let tried = scene.everywhere("DEL", Fault::Fail(EIO), |at, outcome| {
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
