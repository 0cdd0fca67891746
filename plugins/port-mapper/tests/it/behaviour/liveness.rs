//! Containers that live, are gone, or can't be seen.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Stdio};

use cni_test_kit::{CallBuilder, Outcome, TempDir};
use serde_json::json;

use super::testbed::{RulesTestbed, STATE, files};
use crate::common::own_rules::flush_firewall;
use crate::common::{add, del, plugin, tcp, wait_until};

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

    /// Starts the next one. Its id is the one after `last`, unless another process was faster.
    fn start(&mut self, last: &str) -> u32 {
        writeln!(self.shell.stdin.as_mut().expect("a pipe"), "{last}").expect("sh reads");
        let mut id = String::new();
        self.ids.read_line(&mut id).expect("sh prints");
        id.trim().parse().expect("a process id")
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

fn a_process_id_that_was_used_again_is_another_container(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let mut processes = Processes::new(&testbed);
    let own = testbed.host.sh("readlink /proc/1/ns/net");
    let wait_for_namespace = |id: u32| {
        wait_until("the namespace exists", || {
            let namespace = testbed.host.sh(&format!("readlink /proc/{id}/ns/net || :"));
            namespace.starts_with("net:") && namespace != own
        });
    };
    let first = processes.start("any");
    wait_for_namespace(first);
    add(&testbed.call("c1", &[tcp(8080, 80)]).netns(&format!("/proc/{first}/ns/net")));
    let next = testbed.call("c2", &[tcp(8080, 80)]);
    let (code, msg, _) = next.run(plugin()).error();
    assert_eq!((code, msg.contains("can't be seen")), (105, false), "it lives: {msg}");
    let mut current = first;
    loop {
        testbed.host.run(&format!("kill -KILL {current}"));
        current = processes.start(&(first - 1).to_string());
        if current == first {
            break;
        }
    }
    wait_for_namespace(first);
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
