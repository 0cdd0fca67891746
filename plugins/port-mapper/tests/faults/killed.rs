//! Killed at any system call.

use cni_wrapper_test::Fault;

use crate::common::{del, plugin};
use crate::places::numbers;
use crate::scene::Scene;

on_every_backend!(
    an_add_that_is_killed_anywhere_is_cleaned_up_by_a_del,
    an_add_whose_delegate_or_helper_is_killed_anywhere_fails_and_leaves_nothing,
    a_del_that_is_killed_anywhere_is_completed_by_the_next,
);

fn an_add_that_is_killed_anywhere_is_cleaned_up_by_a_del(backend: &str) {
    let scene = Scene::new(backend);
    let mut tried = 0;
    for number in numbers(9) {
        let killed = scene.call.run_with_fault(plugin(), number, Fault::KillPlugin);
        if killed.at.is_none() {
            killed.outcome.expect_success();
            break;
        }
        let said = &killed.outcome.stderr;
        assert!(said.is_empty() || said.ends_with('\n'), "{killed}: half a line: {said}");
        del(&scene.call);
        scene.assert_clean(&killed.to_string());
        tried += 1;
    }
    assert!(tried > 5, "{tried} places");
    println!("{backend}: ADD killed at {tried} places, then DEL: nothing is left");
}

fn an_add_whose_delegate_or_helper_is_killed_anywhere_fails_and_leaves_nothing(backend: &str) {
    let scene = Scene::new(backend);
    let mut tried = 0;
    for number in numbers(9) {
        let killed = scene.call.run_with_fault(plugin(), number, Fault::KillCaller);
        let Some(at) = &killed.at else {
            killed.outcome.expect_success();
            break;
        };
        if killed.outcome.code() == Some(137) {
            // It was the plugin's own call.
            del(&scene.call);
        } else if killed.outcome.code() == Some(0) {
            // A helper had nothing left to do, or was not needed.
            assert!(
                !at.contains("cni-test-plugin") && !at.contains("inner"),
                "{at}: {}",
                killed.outcome
            );
            del(&scene.call);
        } else {
            killed.outcome.error();
        }
        scene.assert_clean(at);
        tried += 1;
    }
    println!("{backend}: something of ADD killed at {tried} places: nothing is left");
}

fn a_del_that_is_killed_anywhere_is_completed_by_the_next(backend: &str) {
    let scene = Scene::new(backend);
    let mut tried = 0;
    for number in numbers(9) {
        scene.call.run(plugin()).expect_success();
        let killed =
            scene.call.clone().as_verb("DEL").run_with_fault(plugin(), number, Fault::KillPlugin);
        if killed.at.is_none() {
            killed.outcome.expect_success();
            break;
        }
        del(&scene.call);
        scene.assert_clean(&killed.to_string());
        tried += 1;
    }
    assert!(tried > 5, "{tried} places");
    println!("{backend}: DEL killed at {tried} places, then DEL: nothing is left");
}
