//! What a killed call left running is waited for by the next call of the attachment, within bounds.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, process::Command, thread};

use cni_test_kit::{CallBuilder, Outcome, PluginDir};
use serde_json::json;

use crate::common::{KilledAtTheEnd, add, alive, wait_until, wrapper};

/// A delegate that runs an IPAM plugin and waits for it, as bridge does with host-local. Its files
/// are next to it.
const INNER: &str = r#"#!/bin/sh
cd "$(dirname "$0")" && cat >/dev/null
case $CNI_COMMAND in
ADD) ./ipam && echo '{"cniVersion": "1.0.0"}' ;;
DEL) rm -f lease; echo DEL >>verbs ;;
esac
"#;

/// An IPAM plugin that allocates a lease once it may go on.
const IPAM: &str = "#!/bin/sh\ntouch started; until [ -e go ]; do sleep 0.01; done; touch lease\n";
/// One that leaves a daemon behind.
const DAEMON: &str = "#!/bin/sh\nsleep 3600 >/dev/null 2>&1 & touch started lease\n";
/// One that leaves a daemon behind and does not end.
const HANGS: &str = "#!/bin/sh\nsleep 3600 >/dev/null 2>&1 & touch started; exec sleep 3600\n";

/// Another process writes it: while another test forks, a file that this process has open for
/// writing can't be executed.
fn program(path: &Path, text: &str) {
    let script = "printf %s \"$1\" >\"$0\" && chmod 755 \"$0\"";
    let written = Command::new("sh").args(["-c", script]).arg(path).arg(text).status();
    assert!(written.expect("sh").success());
}

fn fixture(ipam: &str) -> (PluginDir, CallBuilder) {
    let dir = PluginDir::new();
    program(&dir.path().join("inner"), INNER);
    program(&dir.path().join("ipam"), ipam);
    let call = add(&dir, json!({"type": "inner"}))
        .key("type", json!("w"))
        .key("wrapper", json!({"resultDir": dir.path().join("results")}));
    (dir, call)
}

fn exists(dir: &PluginDir, name: &str) -> bool {
    dir.path().join(name).exists()
}

/// Returns the names of the files that mark running calls.
fn marks(dir: &PluginDir) -> Vec<String> {
    let files = fs::read_dir(dir.path().join("results/w")).into_iter().flatten().flatten();
    files.map(|file| file.file_name().to_string_lossy().into_owned()).collect()
}

/// Starts an ADD, and kills the wrapper when its IPAM plugin runs.
fn killed_add(dir: &PluginDir, call: &CallBuilder) {
    let mut add = call.start(wrapper());
    wait_until("the IPAM plugin runs", || exists(dir, "started"));
    add.kill();
    drop(add.finish());
}

fn del(call: &CallBuilder) -> Outcome {
    call.clone().as_verb("DEL").run(wrapper()).expect_success()
}

/// Returns whether a process waits for the lock of a running call.
fn is_awaited(dir: &PluginDir) -> bool {
    use std::os::unix::fs::MetadataExt;
    let marks = marks(dir);
    let path = |name| dir.path().join("results/w").join(name);
    let inode = marks.first().and_then(|name| path(name).metadata().ok());
    let Some(inode) = inode.map(|metadata| format!(":{} ", metadata.ino())) else { return false };
    let locks = fs::read_to_string("/proc/locks").expect("/proc/locks");
    locks.lines().any(|line| line.contains("-> FLOCK") && line.contains(&inode))
}

#[test]
fn a_del_after_a_killed_add_waits_for_a_grandchild_that_outlives_its_parent() {
    let (dir, call) = fixture(IPAM);
    let _end = KilledAtTheEnd(&dir);
    killed_add(&dir, &call);
    let deletion = thread::spawn(move || del(&call));
    // A DEL that does not wait ends here, and the lease is allocated after it.
    wait_until("DEL waits or is done", || deletion.is_finished() || is_awaited(&dir));
    fs::write(dir.path().join("go"), "").expect("written");
    deletion.join().expect("DEL succeeds");
    wait_until("all processes have ended", || alive(&dir).is_empty());
    assert!(!exists(&dir, "lease"), "the lease was allocated after the DEL");
    assert_eq!(marks(&dir), Vec::<String>::new());
}

#[test]
fn an_add_that_follows_a_killed_one_waits_too() {
    let (dir, call) = fixture(IPAM);
    let _end = KilledAtTheEnd(&dir);
    killed_add(&dir, &call);
    fs::remove_file(dir.path().join("started")).expect("removed");
    let addition = thread::spawn(move || call.run(wrapper()).expect_success());
    wait_until("ADD waits or runs its delegate", || exists(&dir, "started") || is_awaited(&dir));
    assert!(!exists(&dir, "started"), "two delegates run at once");
    fs::write(dir.path().join("go"), "").expect("written");
    addition.join().expect("ADD succeeds");
    assert_eq!(marks(&dir), Vec::<String>::new());
}

#[test]
fn a_daemon_of_a_successful_add_is_not_waited_for_although_it_has_inherited_the_lock() {
    let (dir, call) = fixture(DAEMON);
    let _end = KilledAtTheEnd(&dir);
    call.run(wrapper()).expect_success();
    assert_eq!((alive(&dir).len(), marks(&dir).len()), (1, 0));
    let outcome = del(&call);
    assert_eq!(outcome.stderr, "", "no warning");
}

#[test]
fn what_does_not_end_delays_one_del_and_is_reported_and_no_later_one_waits_for_it() {
    let (dir, call) = fixture(HANGS);
    let _end = KilledAtTheEnd(&dir);
    killed_add(&dir, &call);
    let first = del(&call);
    assert!(first.stderr.contains("still run after 10s"), "{first}");
    assert_eq!(marks(&dir), Vec::<String>::new());
    let second = del(&call);
    assert_eq!(second.stderr, "", "no warning");
}

#[test]
fn a_call_that_still_runs_is_not_waited_for() {
    let (dir, call) = fixture(IPAM);
    let _end = KilledAtTheEnd(&dir);
    let add = call.start(wrapper());
    wait_until("the IPAM plugin runs", || exists(&dir, "started"));
    del(&call);
    assert_eq!(marks(&dir).len(), 1, "that of ADD");
    fs::write(dir.path().join("go"), "").expect("written");
    add.finish().expect_success();
    assert_eq!(marks(&dir), Vec::<String>::new());
}

#[test]
fn a_rollback_waits_for_what_a_killed_delegate_left_running() {
    let (dir, call) = fixture(IPAM);
    let _end = KilledAtTheEnd(&dir);
    let killed =
        INNER.replace("./ipam &&", "./ipam & until [ -e started ]; do :; done; kill -9 $$;");
    program(&dir.path().join("inner"), &killed);
    let add = call.start(wrapper());
    wait_until("the rollback waits or is done", || exists(&dir, "verbs") || is_awaited(&dir));
    fs::write(dir.path().join("go"), "").expect("written");
    assert_eq!(add.finish().error().0, 102);
    wait_until("all processes have ended", || alive(&dir).is_empty());
    assert!(!exists(&dir, "lease"), "the lease was allocated after the rollback");
    assert_eq!(marks(&dir), Vec::<String>::new());
}

#[test]
fn without_a_directory_for_the_mark_all_verbs_work() {
    let (dir, call) = fixture(IPAM);
    fs::write(dir.path().join("go"), "").expect("written");
    fs::write(dir.path().join("results"), "not a directory").expect("written");
    let outcome = call.run(wrapper()).expect_success();
    assert_eq!((outcome.stderr.as_str(), del(&call).stderr.as_str()), ("", ""), "no warning");
}

#[test]
fn gc_removes_the_mark_of_a_killed_add_after_which_no_del_was_sent() {
    let (dir, call) = fixture(IPAM);
    let _end = KilledAtTheEnd(&dir);
    killed_add(&dir, &call);
    let gc = call.as_verb("GC").key("cniVersion", json!("1.1.0"));
    gc.run(wrapper()).expect_success();
    assert_eq!(marks(&dir).len(), 1, "what was killed has left something running");
    fs::write(dir.path().join("go"), "").expect("written");
    wait_until("all processes have ended", || alive(&dir).is_empty());
    gc.run(wrapper()).expect_success();
    assert_eq!(marks(&dir), Vec::<String>::new());
}

#[test]
fn a_wrapper_around_a_wrapper_of_the_same_name_does_not_wait_for_itself() {
    let (dir, call) = fixture(IPAM);
    fs::write(dir.path().join("go"), "").expect("written");
    fs::copy(wrapper(), dir.path().join("w")).expect("copied");
    let permissions = fs::Permissions::from_mode(0o755);
    fs::set_permissions(dir.path().join("w"), permissions).expect("executable");
    let inner = json!({"type": "w", "delegate": {"type": "inner"}});
    let call = call.key("type", json!("w")).key("delegate", inner);
    let outcome = call.run(wrapper()).expect_success();
    assert_eq!(outcome.stderr, "", "no warning");
    assert_eq!((del(&call).stderr.as_str(), marks(&dir).len()), ("", 0));
}
