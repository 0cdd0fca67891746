//! The port mapper around Debian's bridge and host-local, killed at any system call of any of them.

use cni_test_kit::{Fault, Outcome};

use super::scene::{Deed, Scene};
use crate::common::plugin;

on_every_backend!(
    around_a_real_bridge_an_add_that_is_killed_anywhere_is_cleaned_up_by_at_most_two_dels,
    around_a_real_bridge_a_del_that_is_killed_anywhere_is_completed_by_at_most_two_more,
);

/// DEL, again where the delegate fails. How many failed: bridge complains once when its masquerade chain is gone or half
/// made already. Our own part must succeed at once.
fn del(at: &str, scene: &Scene) -> usize {
    let del = || -> Outcome { scene.call.clone().as_verb("DEL").run(plugin()) };
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
    let scene = Scene::on_a_bridge(backend, true);
    let mut twice = 0;
    let tried = scene.everywhere(Deed::Add, &[Fault::KillPlugin], |at, _| twice += del(at, &scene));
    println!(
        "{backend}: ADD around bridge killed at {tried} places: nothing is left; bridge wanted a second DEL at {twice}"
    );
}

fn around_a_real_bridge_a_del_that_is_killed_anywhere_is_completed_by_at_most_two_more(
    backend: &'static str,
) {
    // Once its link is gone, bridge does not know any more what it masqueraded, and leaves that.
    let scene = Scene::on_a_bridge(backend, false);
    let mut twice = 0;
    let tried = scene.everywhere(Deed::Del, &[Fault::KillPlugin], |at, _| twice += del(at, &scene));
    println!(
        "{backend}: DEL around bridge killed at {tried} places: nothing is left; bridge wanted a second DEL at {twice}"
    );
}
