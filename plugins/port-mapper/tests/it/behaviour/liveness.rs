//! Containers that live, are gone, or can't be seen.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use cni_test_kit::{CallBuilder, Outcome, TempDir};
use serde_json::json;

use super::testbed::{RulesTestbed, STATE, files};
use crate::common::own_rules::flush_firewall;
use crate::common::{add, del, plugin, tcp};

on_every_backend!(
    a_namespace_that_is_mounted_only_for_the_runtime_counts_as_alive,
    a_name_that_was_used_again_is_another_container,
    a_process_id_that_was_used_again_is_another_container,
    a_container_that_lives_is_not_removed_by_force,
);

fn cli(testbed: &RulesTestbed, args: &[&str]) -> Outcome {
    CallBuilder::cli(args).within(&testbed.host).run(plugin())
}

fn printed(testbed: &RulesTestbed, args: &[&str]) -> String {
    cli(testbed, args).expect_success().stdout
}

/// Returns a script that runs the plugin as a runtime with a mount namespace of its own does: there
/// `/run/hidden` is the container's namespace.
fn with_own_mounts(directory: &TempDir) -> PathBuf {
    let script = directory.path().join("plugin");
    let plugin = plugin();
    let text = format!(
        "#!/bin/sh\nexec unshare --mount --propagation private sh -c 'touch /run/hidden &&
            mount --bind /run/netns/c1 /run/hidden && exec \"$0\"' '{}'\n",
        plugin.display()
    );
    fs::write(&script, text).unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
    script
}

fn a_namespace_that_is_mounted_only_for_the_runtime_counts_as_alive(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let (directory, container) = (TempDir::new(), testbed.host.container("c1"));
    let hidden = testbed.call("c1", &[tcp(8080, 80)]).netns("/run/hidden");
    hidden.run(with_own_mounts(&directory)).expect_success();
    let before = testbed.own_rules();

    let list = printed(&testbed, &["list"]);
    assert!(list.contains("can't be seen"), "{list}");
    let kept = printed(&testbed, &["gc"]);
    assert!(kept.contains("kept container c1 ") && kept.contains("gc --force c1"), "{kept}");
    let next = testbed.call("c2", &[tcp(8080, 80)]);
    let (code, msg, _) = next.run(plugin()).error();
    assert_eq!(code, 105, "{msg}");
    assert!(msg.contains("can't be seen") && msg.contains("gc --force c1`"), "{msg}");
    flush_firewall(&testbed.host, backend);
    printed(&testbed, &["restore"]);
    assert_eq!(testbed.own_rules(), before, "restore does not pass it over");

    container.delete();
    let unknown = cli(&testbed, &["gc", "--force", "c9"]);
    assert!(!unknown.status.success() && unknown.stdout.contains("c9"), "{}", unknown.stdout);
    let removed = printed(&testbed, &["gc", "--force", "c1"]);
    assert!(removed.contains("removed container c1 "), "{removed}");
    add(&next);
    del(&next);
    assert_eq!(files(&testbed.host, STATE), ["lock"]);
}

fn a_name_that_was_used_again_is_another_container(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let container = testbed.host.container("c1");
    add(&testbed.call("c1", &[tcp(8080, 80)]).netns(&container.netns()));
    container.delete();
    let again = testbed.host.container("c1");
    add(&testbed.call("c2", &[tcp(8080, 80)]).netns(&again.netns()));
    let rules = testbed.own_rules();
    assert!(!rules.contains("container_id: c1 "), "the first is gone: {rules}");
    let list = printed(&testbed, &["list"]);
    assert!(list.contains("container c2 ") && list.contains(" live"), "{list}");
}

/// Starts a process in a network namespace of its own. Returns its id; `before` makes it likely.
fn process(testbed: &RulesTestbed, before: Option<u32>) -> u32 {
    let last = before
        .map_or(String::new(), |id| format!("echo {} > /proc/sys/kernel/ns_last_pid;", id - 1));
    let script = format!("{last} unshare --net sleep 600 >/dev/null 2>&1 & echo $!");
    testbed.host.sh(&script).trim().parse().expect("a process id")
}

fn a_process_id_that_was_used_again_is_another_container(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let first = process(&testbed, None);
    let path = format!("/proc/{first}/ns/net");
    let is_separate = || {
        let own = testbed.host.sh("readlink /proc/1/ns/net");
        testbed.host.sh(&format!("readlink {path} || :")) != own
    };
    crate::common::wait_until("the namespace exists", is_separate);
    let container = testbed.call("c1", &[tcp(8080, 80)]).netns(&path);
    add(&container);
    let next = testbed.call("c2", &[tcp(8080, 80)]);
    assert_eq!(next.run(plugin()).error().0, 105, "it lives");
    testbed.host.run(&format!("kill -KILL {first}"));
    crate::common::wait_until("it has ended", || !testbed.host.exists(&format!("/proc/{first}")));
    crate::common::wait_until("its id is used again", || {
        let id = process(&testbed, Some(first));
        if id != first {
            testbed.host.run(&format!("kill -KILL {id}"));
        }
        id == first
    });
    crate::common::wait_until("the namespace exists", is_separate);
    add(&next);
    let rules = testbed.own_rules();
    assert!(!rules.contains("container_id: c1 "), "the first is gone: {rules}");
}

fn a_container_that_lives_is_not_removed_by_force(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    add(&testbed.call("c1", &[tcp(8080, 80)]));
    let before = testbed.own_rules();
    let refused = cli(&testbed, &["gc", "--force", "c1"]);
    assert!(!refused.status.success(), "{}", refused.stdout);
    assert!(refused.stdout.contains("still exists; stop it first"), "{}", refused.stdout);
    assert_eq!(testbed.own_rules(), before);
    let misplaced = cli(&testbed, &["list", "--force", "c1"]);
    assert!(misplaced.stderr.contains("--force is an option of gc"), "{}", misplaced.stderr);
    let text = json!(printed(&testbed, &["list"])).to_string();
    assert!(text.contains("live"), "{text}");
}
