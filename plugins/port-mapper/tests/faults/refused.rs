//! Any system call of the plugin fails. How it takes failing programs is shown in `tests/runner.rs`, with programs that only pretend.

use cni_wrapper_test::{Fault, Outcome};

use crate::common::{del, plugin};
use crate::places::numbers;
use crate::scene::Scene;

on_every_backend!(
    an_add_with_any_system_call_failing_succeeds_whole_or_leaves_nothing,
    a_del_with_any_system_call_failing_succeeds_whole_or_can_be_repeated,
);

const EIO: i32 = 5;

/// Whether it ended with an answer of its own, and not before it could give one: for want of memory, say.
fn answered(outcome: &Outcome) -> bool {
    outcome.code() == Some(1) && !outcome.stdout.is_empty()
}

fn an_add_with_any_system_call_failing_succeeds_whole_or_leaves_nothing(backend: &str) {
    let scene = Scene::new(backend);
    let (mut tried, mut succeeded, mut speechless) = (0, 0, 0);
    for number in numbers(9) {
        let faulted = scene.call.run_with_fault(plugin(), number, Fault::Fail(EIO));
        let Some(at) = &faulted.at else {
            faulted.outcome.expect_success();
            break;
        };
        tried += 1;
        if faulted.outcome.code() == Some(0) {
            succeeded += 1;
            let result = faulted.outcome.json();
            let check = scene.call.clone().key("prevResult", result).as_verb("CHECK").run(plugin());
            assert_eq!(check.code(), Some(0), "{at}: a success that is none: {check}");
            del(&scene.call);
        } else if answered(&faulted.outcome) {
            faulted.outcome.error();
        } else {
            speechless += 1;
            del(&scene.call);
        }
        scene.assert_clean(&format!("{at}: {}", faulted.outcome));
    }
    assert!(tried > 5, "{tried} places");
    println!(
        "{backend}: a call of ADD failed at {tried} places: {succeeded} succeeded whole, {speechless} could not answer, the rest said so and left nothing"
    );
}

fn a_del_with_any_system_call_failing_succeeds_whole_or_can_be_repeated(backend: &str) {
    let scene = Scene::new(backend);
    let (mut tried, mut succeeded) = (0, 0);
    for number in numbers(9) {
        scene.call.run(plugin()).expect_success();
        let faulted =
            scene.call.clone().as_verb("DEL").run_with_fault(plugin(), number, Fault::Fail(EIO));
        let Some(at) = &faulted.at else {
            faulted.outcome.expect_success();
            break;
        };
        tried += 1;
        if faulted.outcome.code() == Some(0) {
            succeeded += 1;
        } else {
            if answered(&faulted.outcome) {
                faulted.outcome.error();
            }
            del(&scene.call);
        }
        scene.assert_clean(&format!("{at}: {}", faulted.outcome));
    }
    assert!(tried > 5, "{tried} places");
    println!(
        "{backend}: a call of DEL failed at {tried} places: {succeeded} succeeded, the rest was completed by the next"
    );
}
