//! Killed at any system call.

use cni_wrapper_test::Fault;

use crate::common::del;
use crate::scene::Scene;

on_every_backend!(
    an_add_that_is_killed_anywhere_is_cleaned_up_by_a_del,
    an_add_whose_delegate_or_helper_is_killed_anywhere_fails_or_does_without_and_leaves_nothing,
    a_del_that_is_killed_anywhere_is_completed_by_the_next,
);

fn an_add_that_is_killed_anywhere_is_cleaned_up_by_a_del(backend: &str) {
    let scene = Scene::new(backend);
    let tried = scene.everywhere("ADD", Fault::KillPlugin, |at, outcome| {
        let said = &outcome.stderr;
        assert!(said.is_empty() || said.ends_with('\n'), "{at}: half a line: {said}");
        del(&scene.call);
    });
    println!("{backend}: ADD killed at {tried} places, then DEL: nothing is left");
}

fn an_add_whose_delegate_or_helper_is_killed_anywhere_fails_or_does_without_and_leaves_nothing(
    backend: &str,
) {
    let scene = Scene::new(backend);
    let tried = scene.everywhere("ADD", Fault::KillCaller, |at, outcome| match outcome.code() {
        // It was the plugin's own call.
        Some(137) => drop(del(&scene.call)),
        // What an iptables did not list is listed by another; a delegate's work is done by nobody else.
        Some(0) => {
            assert!(!at.starts_with("inner "), "{at}: {outcome}");
            del(&scene.call);
        }
        _ => drop(outcome.error()),
    });
    println!("{backend}: something of ADD killed at {tried} places: nothing is left");
}

fn a_del_that_is_killed_anywhere_is_completed_by_the_next(backend: &str) {
    let scene = Scene::new(backend);
    let tried = scene.everywhere("DEL", Fault::KillPlugin, |_, _| drop(del(&scene.call)));
    println!("{backend}: DEL killed at {tried} places, then DEL: nothing is left");
}
