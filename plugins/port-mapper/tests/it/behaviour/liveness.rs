//! Containers that live, are gone, or can't be seen.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};

use cni_test_kit::{CallBuilder, Outcome, TempDir};
use serde_json::{Value, json};

use super::testbed::{RulesTestbed, STATE, files};
use crate::common::own_rules::flush_firewall;
use crate::common::{add, del, plugin, tcp, wait_until};

on_every_backend!(
    a_namespace_that_is_mounted_only_for_the_runtime_counts_as_alive,
    a_name_that_was_used_again_is_another_container,
    a_process_id_that_was_used_again_is_another_container,
    a_container_that_lives_is_not_removed_by_force,
    a_link_or_another_proc_shows_that_the_process_lives_and_that_it_has_ended,
    a_link_to_a_mounted_namespace_shows_that_it_lives_and_that_it_is_unmounted,
    a_link_that_leads_elsewhere_now_does_not_prove_the_end,
    a_mounted_namespace_of_a_process_is_recognised_after_others_looked_at_it,
    claims_in_another_state_directory_are_listed_and_removed_as_those_in_this_one,
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

/// Starts processes in network namespaces of their own, one after the other has ended.
struct Processes {
    shell: Child,
    ids: BufReader<ChildStdout>,
}

impl Processes {
    fn new(testbed: &RulesTestbed) -> Self {
        // `wait` frees the id of the process that has ended.
        let script = "while read last; do
                if [ $last != any ]; then echo $last >/proc/sys/kernel/ns_last_pid; fi
                unshare --net sleep 600 & echo $!; wait
            done";
        let mut command = testbed.host.command("sh");
        command.args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut shell = command.spawn().expect("sh");
        let ids = BufReader::new(shell.stdout.take().expect("a pipe"));
        Self { shell, ids }
    }

    /// Starts the next one, in a namespace of its own. Its id is the one after `last`, unless
    /// another process was faster.
    fn start(&mut self, testbed: &RulesTestbed, last: &str) -> u32 {
        writeln!(self.shell.stdin.as_mut().expect("a pipe"), "{last}").expect("sh reads");
        let mut id = String::new();
        self.ids.read_line(&mut id).expect("sh prints");
        let id = id.trim().parse().expect("a process id");
        let own = testbed.host.sh("readlink /proc/1/ns/net");
        wait_until("the namespace exists", || {
            let namespace = testbed.host.sh(&format!("readlink /proc/{id}/ns/net || :"));
            namespace.starts_with("net:") && namespace != own
        });
        id
    }

    /// Ends this process, and starts others until one has the same id.
    fn use_id_again(&mut self, testbed: &RulesTestbed, id: u32) {
        let mut current = id;
        loop {
            testbed.host.run(&format!("kill -KILL {current}"));
            current = self.start(testbed, &(id - 1).to_string());
            if current == id {
                break;
            }
        }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Returns three paths to the namespace of a process: the usual one, one of another `/proc`, and a
/// link.
fn paths(testbed: &RulesTestbed, process: u32) -> [String; 3] {
    testbed.host.sh(&format!(
        "mkdir -p /run/netns /run/proc; mountpoint -q /run/proc || mount -t proc proc /run/proc
         ln -sfn ../proc/{process}/ns/net /run/netns/link"
    ));
    let [usual, other] = ["/proc", "/run/proc"].map(|proc| format!("{proc}/{process}/ns/net"));
    [usual, other, "/run/netns/link".to_owned()]
}

fn a_process_id_that_was_used_again_is_another_container(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let mut processes = Processes::new(&testbed);
    let first = processes.start(&testbed, "any");
    for (number, path) in (1..).zip(paths(&testbed, first)) {
        add(&testbed.call(&format!("c{number}"), &[tcp(8080 + number, 80)]).netns(&path));
    }
    processes.use_id_again(&testbed, first);
    for number in 1..=3 {
        let next = testbed.call("next", &[tcp(8080 + number, 80)]);
        add(&next);
        let rules = testbed.own_rules();
        assert!(!rules.contains(&format!("container_id: c{number} ")), "it is gone: {rules}");
        del(&next);
    }
}

/// Checks that c1 is seen to live and keeps its port, and returns the ADD that does not get it.
#[track_caller]
fn assert_is_seen_to_live(testbed: &RulesTestbed, path: &str) -> CallBuilder {
    let list = printed(testbed, &["list"]);
    assert!(list.contains("container c1 ") && list.contains(" live\n"), "{path}: {list}");
    assert_eq!(printed(testbed, &["gc"]), "nothing to remove\n", "{path}");
    let next = testbed.call("c2", &[tcp(8080, 80)]);
    let (code, msg, _) = next.run(plugin()).error();
    assert_eq!((code, msg.contains("can't be seen")), (105, false), "{path}: {msg}");
    next
}

#[track_caller]
fn assert_replaces_c1(testbed: &RulesTestbed, next: &CallBuilder) {
    add(next);
    let rules = testbed.own_rules();
    assert!(!rules.contains("container_id: c1 "), "the first is gone: {rules}");
    del(next);
}

fn a_link_or_another_proc_shows_that_the_process_lives_and_that_it_has_ended(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    let mut processes = Processes::new(&testbed);
    for which in 0..3 {
        let process = processes.start(&testbed, "any");
        let path = &paths(&testbed, process)[which];
        add(&testbed.call("c1", &[tcp(8080, 80)]).netns(path));
        let next = assert_is_seen_to_live(&testbed, path);
        testbed.host.run(&format!("kill -KILL {process}"));
        let directory = format!("/proc/{process}");
        wait_until("the process has ended", || !testbed.host.exists(&directory));
        assert_replaces_c1(&testbed, &next);
    }
}

fn a_link_to_a_mounted_namespace_shows_that_it_lives_and_that_it_is_unmounted(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    let container = testbed.host.container("c1");
    testbed.host.run("ln -s /run/netns/c1 /run/link");
    add(&testbed.call("c1", &[tcp(8080, 80)]).netns("/run/link"));
    let next = assert_is_seen_to_live(&testbed, "/run/link");
    container.delete();
    assert_replaces_c1(&testbed, &next);
}

fn a_link_that_leads_elsewhere_now_does_not_prove_the_end(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let (mut processes, mut others) = (Processes::new(&testbed), Processes::new(&testbed));
    let process = processes.start(&testbed, "any");
    let [_, _, path] = paths(&testbed, process);
    add(&testbed.call("c1", &[tcp(8080, 80)]).netns(&path));
    let other = others.start(&testbed, "any");
    paths(&testbed, other);
    let (code, msg, _) = testbed.call("c2", &[tcp(8080, 80)]).run(plugin()).error();
    assert_eq!((code, msg.contains("can't be seen")), (105, true), "{msg}");
}

fn a_mounted_namespace_of_a_process_is_recognised_after_others_looked_at_it(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let mut processes = Processes::new(&testbed);
    let process = processes.start(&testbed, "any");
    let [usual, other, _] = paths(&testbed, process);
    let mount = "/run/netns/mounted";
    testbed.host.sh(&format!("touch {mount} && mount --bind {usual} {mount}"));
    let identity = || testbed.host.sh(&format!("stat -c '%d %i %z' {mount}"));
    let before = identity();
    add(&testbed.call("c1", &[tcp(8080, 80)]).netns(mount));
    for path in [&usual, &other, mount].repeat(3) {
        testbed.host.sh(&format!("stat -L {path} >/dev/null; exec 3<{path}; exec 3<&-"));
        assert_eq!(identity(), before, "after {path} was opened and closed");
    }
    testbed.host.run(&format!("kill -KILL {process}"));
    let directory = format!("/proc/{process}");
    wait_until("the process has ended", || !testbed.host.exists(&directory));
    assert_eq!(identity(), before, "the mount keeps the namespace");
    let next = assert_is_seen_to_live(&testbed, mount);
    testbed.host.run(&format!("umount {mount}"));
    assert_replaces_c1(&testbed, &next);
}

fn claims_in_another_state_directory_are_listed_and_removed_as_those_in_this_one(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    let (directory, hidden) = (TempDir::new(), testbed.host.container("c1"));
    let elsewhere =
        |id, port| testbed.call(id, &[tcp(port, 80)]).key("stateDir", json!("/run/elsewhere"));
    elsewhere("c1", 8081).netns("/run/hidden").run(with_own_mounts(&directory)).expect_success();
    add(&elsewhere("c2", 8082));
    let ended = testbed.host.container("c3");
    add(&elsewhere("c3", 8083).netns(&ended.netns()));
    ended.delete();

    let list = printed(&testbed, &["list"]);
    assert!(list.contains("can't be seen, in /run/elsewhere"), "{list}");
    assert!(!list.contains("no record"), "{list}");
    let list: Value = serde_json::from_str(&printed(&testbed, &["list", "--json"])).unwrap();
    let mut states: Vec<_> = list["mappings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|object| {
            let [id, state] = [&object["owner"]["containerId"], &object["state"]];
            (id.as_str().unwrap(), state.as_str().unwrap(), object["stateDir"].as_str().unwrap())
        })
        .collect();
    states.sort_unstable();
    let expected = [("c1", "unseen"), ("c2", "live"), ("c3", "gone")];
    assert_eq!(states, expected.map(|(id, state)| (id, state, "/run/elsewhere")));

    let (_, msg, _) = testbed.call("c4", &[tcp(8081, 80)]).run(plugin()).error();
    assert!(msg.contains("gc --force c1`"), "{msg}");
    let refused = cli(&testbed, &["gc", "--force", "c2"]);
    assert!(refused.stdout.contains("still exists; stop it first"), "{}", refused.stdout);
    assert!(refused.stdout.contains("removed container c3 "), "{}", refused.stdout);
    assert!(refused.stdout.contains("kept container c1 "), "{}", refused.stdout);
    hidden.delete();
    let removed = printed(&testbed, &["gc", "--force", "c1"]);
    assert!(removed.contains("removed container c1 "), "{removed}");
    let rules = testbed.own_rules();
    let left = ["c1", "c2", "c3"].map(|id| rules.contains(&format!("container_id: {id} ")));
    assert_eq!(left, [false, true, false], "{rules}");
    assert_eq!(files(&testbed.host, "/run/elsewhere").len(), 1, "that of c2");
    add(&testbed.call("c4", &[tcp(8081, 80)]));
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
