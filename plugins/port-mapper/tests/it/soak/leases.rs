//! ADDs around Debian's bridge and host-local are killed at random times, and the runtime's DEL
//! follows at once.
//!
//! The kernel kills bridge together with its plugin, but not host-local, which bridge started: it
//! may allocate its address after a DEL that does not wait for it.

use std::time::{Duration, Instant};

use cni_test_kit::{CallBuilder, Host, Outcome};
use fastrand::Rng;
use serde_json::json;

use crate::common::{PLUGINS, TIMEOUT, add, del, example_network, plugin, wait_until};

/// The directory of host-local for the network.
const LEASES: &str = "/var/lib/cni/networks/mesos";
const KILLED: Option<i32> = Some(9);

#[test]
fn adds_around_host_local_that_are_killed_at_any_time_leave_no_lease_after_a_del() {
    let rounds = if super::is_long() { 4000 } else { 40 };
    let host = Host::new();
    let call = call(&host);
    let time = time_of_an_add(&call);
    let seed = fastrand::u64(..);
    println!("seed {seed}, an ADD takes {time:?}");
    let mut rng = Rng::with_seed(seed);
    let (mut killed, mut left) = (0, 0);
    for _ in 0..rounds {
        let outcome = call.run_or_kill(plugin(), time.mul_f64(rng.f64()));
        killed += usize::from(outcome.signal() == KILLED);
        delete(&call);
        wait_until("all processes have ended", || host.processes().is_empty());
        left += take_leases(&host);
        if host.exists("/run/cni-wrapper") {
            let files = host.run("find /run/cni-wrapper -type f");
            assert_eq!(files, "", "DEL removes what marks a running call");
        }
    }
    println!("{rounds} ADDs, {killed} killed: {left} leases are left after the DEL");
    assert_eq!(left, 0, "leases are left after the DEL of {rounds} ADDs");
}

fn call(host: &Host) -> CallBuilder {
    CallBuilder::add("mesos")
        .config(example_network(&[]))
        .key("backend", json!("nftables"))
        .key("lockTimeout", json!(TIMEOUT))
        .limit(Duration::from_secs(TIMEOUT + 60))
        .container(&host.container("c1"))
        .cni_path(PLUGINS)
}

/// Returns the longest of a few.
fn time_of_an_add(call: &CallBuilder) -> Duration {
    let times = (0..3).map(|_| {
        let started = Instant::now();
        add(call);
        let took = started.elapsed();
        del(call);
        took
    });
    times.max().unwrap_or_default()
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
    let script =
        format!("cd {LEASES} 2>/dev/null || exit 0; find . -name '*.*.*.*' -print -delete");
    host.sh(&script).lines().count()
}
