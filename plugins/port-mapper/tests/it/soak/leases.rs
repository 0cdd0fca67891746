//! ADDs around Debian's bridge and host-local are killed at random times, and the runtime's DEL
//! follows at once.
//!
//! The kernel kills bridge together with its plugin, but not host-local, which bridge started: it
//! may allocate its address after a DEL that does not wait for it.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use cni_test_kit::{CallBuilder, Host, Outcome, PluginDir};
use fastrand::Rng;
use serde_json::json;

use crate::common::{PLUGINS, TIMEOUT, add, example_network, plugin, wait_until};
use crate::programs::executable;

/// The directory of host-local for the network.
const LEASES: &str = "var/lib/cni/networks/mesos";
/// A host-local that takes up to half a second longer, as on a busy host.
const SLOW: &str = "[ $CNI_COMMAND != ADD ] || sleep 0.$(($$ % 6)); exec /usr/lib/cni/host-local";
/// The longest time until an ADD is killed.
const LATEST: Duration = Duration::from_millis(600);
/// The number of hosts on which ADDs are killed at the same time. Most of the time they wait.
const HOSTS: usize = 16;
const KILLED: Option<i32> = Some(9);

#[test]
fn adds_around_host_local_that_are_killed_at_any_time_leave_no_lease_after_a_del() {
    let rounds = if super::is_long() { 260 } else { 4 };
    let (killed, left) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    thread::scope(|scope| {
        for number in 0..HOSTS as u64 {
            let (killed, left) = (&killed, &left);
            scope.spawn(move || {
                kill_adds(rounds, &mut Rng::with_seed(seed ^ (number << 32)), killed, left);
            });
        }
    });
    let (total, killed, left) = (HOSTS * rounds, killed.into_inner(), left.into_inner());
    println!("{total} ADDs, {killed} killed: {left} leases are left after the DEL");
    assert!(killed > 0, "no ADD was killed");
    assert_eq!(left, 0, "leases are left after the DELs of {killed} killed ADDs");
}

fn kill_adds(rounds: usize, rng: &mut Rng, killed: &AtomicUsize, left: &AtomicUsize) {
    let host = Host::new();
    let slow = PluginDir::new();
    executable(&slow.path().join("host-local"), SLOW);
    let call = call(&host, &slow);
    add(&call);
    assert_eq!(take_leases(&host), 1, "the lease of an ADD is found");
    delete(&call);
    for _ in 0..rounds {
        let outcome = call.run_or_kill(plugin(), LATEST.mul_f64(rng.f64()));
        killed.fetch_add(usize::from(outcome.signal() == KILLED), Ordering::Relaxed);
        delete(&call);
        wait_until("all processes have ended", || host.processes().is_empty());
        left.fetch_add(take_leases(&host), Ordering::Relaxed);
        assert!(!path(&host, "run/cni-wrapper").exists(), "DEL removes what marks a running call");
    }
}

fn call(host: &Host, slow: &PluginDir) -> CallBuilder {
    CallBuilder::add("mesos")
        .config(example_network(&[]))
        .key("backend", json!("nftables"))
        .key("lockTimeout", json!(TIMEOUT))
        .limit(Duration::from_secs(TIMEOUT + 60))
        .container(&host.container("c1"))
        .cni_path(slow.cni_path_with(PLUGINS))
}

/// Runs DEL, and repeats it once if the delegate fails: bridge fails once if its masquerade chain
/// is missing or incomplete.
fn delete(call: &CallBuilder) {
    let run = || -> Outcome { call.clone().as_verb("DEL").run(plugin()) };
    let first = run();
    if first.code() != Some(0) {
        let (_, msg, details) = first.error();
        assert!(details.contains("bridge"), "not for the delegate: {msg}: {details}");
        run().expect_success();
    }
}

/// Removes the leases and returns their number.
fn take_leases(host: &Host) -> usize {
    let files = fs::read_dir(path(host, LEASES)).into_iter().flatten().flatten();
    let is_lease = |file: &fs::DirEntry| file.file_name().to_string_lossy().starts_with("192.");
    let leases = files.filter(is_lease);
    leases.map(|lease| fs::remove_file(lease.path()).expect("removed")).count()
}

/// Returns the path of a file on the host as this process sees it.
fn path(host: &Host, file: &str) -> PathBuf {
    PathBuf::from(format!("/proc/{}/root/{file}", host.pid()))
}
