//! Killed at any system call.

use cni_test_kit::{Fault, Outcome};

use super::scene::{Deed, Scene};
use crate::common::{del, plugin};

on_every_backend!(
    an_add_that_is_killed_anywhere_is_cleaned_up_by_a_del,
    an_add_whose_delegate_or_helper_is_killed_anywhere_fails_or_does_without_and_leaves_nothing,
    a_del_that_is_killed_anywhere_is_completed_by_the_next,
    a_restore_that_is_killed_anywhere_is_completed_by_the_next_and_leaves_nothing_behind_a_del,
);

const KILLED: Option<i32> = Some(128 + 9);

/// What is said on stderr is whole lines, also when it ends in the middle.
fn assert_whole_lines(at: &str, outcome: &Outcome) {
    let said = &outcome.stderr;
    assert!(said.is_empty() || said.ends_with('\n'), "{at}: half a line: {said}");
}

fn an_add_that_is_killed_anywhere_is_cleaned_up_by_a_del(backend: &'static str) {
    let scene = Scene::new(backend);
    let tried = scene.everywhere(Deed::Add, &[Fault::KillPlugin], |at, outcome| {
        assert_whole_lines(at, outcome);
        del(&scene.call);
    });
    println!("{backend}: ADD killed at {tried} places, then DEL: nothing is left");
}

fn an_add_whose_delegate_or_helper_is_killed_anywhere_fails_or_does_without_and_leaves_nothing(
    backend: &'static str,
) {
    let scene = Scene::new(backend);
    let tried = scene.everywhere(Deed::Add, &[Fault::KillCaller], |at, outcome| {
        match outcome.code() {
            // It was the plugin's own call.
            KILLED => drop(del(&scene.call)),
            // What an iptables did not list is listed by another; a delegate's work is done by nobody else.
            Some(0) => {
                assert!(!at.starts_with("inner "), "{at}: {outcome}");
                del(&scene.call);
            }
            _ => drop(outcome.error()),
        }
    });
    println!("{backend}: something of ADD killed at {tried} places: nothing is left");
}

fn a_del_that_is_killed_anywhere_is_completed_by_the_next(backend: &'static str) {
    let scene = Scene::new(backend);
    let tried = scene.everywhere(Deed::Del, &[Fault::KillPlugin], |_, _| drop(del(&scene.call)));
    println!("{backend}: DEL killed at {tried} places, then DEL: nothing is left");
}

fn a_restore_that_is_killed_anywhere_is_completed_by_the_next_and_leaves_nothing_behind_a_del(
    backend: &'static str,
) {
    let scene = Scene::new(backend);
    let result = scene.call.run(plugin()).json();
    del(&scene.call);
    let mut is_even = false;
    let tried = scene.everywhere(Deed::Restore, &[Fault::KillPlugin], |at, outcome| {
        assert_whole_lines(at, outcome);
        is_even = !is_even;
        // Every other time the container ends before anybody restores again.
        if is_even {
            scene.restore_and_check(at, &result);
        }
        del(&scene.call);
    });
    println!("{backend}: restore killed at {tried} places, then restore and DEL: nothing is left");
}
