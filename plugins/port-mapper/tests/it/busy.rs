//! A busy host is not an error: a call waits for a lock while it changes hands, however long the
//! queue is, and fails only if one holder keeps it.

use std::process::Child;
use std::time::{Duration, Instant};

use cni_test_kit::{CallBuilder, Host, PluginDir};
use serde_json::{Value, json};

use crate::common::{
    BACKENDS, add, del, fake_container, is_locked, own_rules::own_rules, plugin, scripted, tcp,
    wait_until,
};
use crate::programs::executable;

/// The number of ADDs at once.
const CROWD: u16 = 40;
const XTABLES_LOCK: &str = "/run/xtables.lock";
/// The time in seconds that one holder of a lock may take.
const LOCK_TIMEOUT: f64 = 2.0;

/// An iptables-restore that takes a tenth of a second longer to change rules.
const SLOW: &str = r#"text=$(cat)
case $text in *'-A '*) sleep 0.1 ;; esac
printf '%s\n' "$text" | exec /usr/sbin/NAME "$@"
"#;

fn slow_iptables(dir: &PluginDir, backend: &str) -> String {
    let name = format!("{backend}-restore");
    executable(&dir.path().join(&name), &SLOW.replace("NAME", &name));
    dir.cni_path_with("/usr/sbin:/usr/bin:/sbin:/bin")
}

fn crowd(host: &Host, dir: &PluginDir, network: &Value) -> Vec<CallBuilder> {
    let call = |number| {
        let id = format!("c{number}");
        fake_container(host, dir, network, &id, &[tcp(8000 + number, 80)])
    };
    (0..CROWD).map(call).collect()
}

#[test]
fn forty_adds_at_once_all_succeed_though_the_queue_is_longer_than_the_lock_timeout() {
    for backend in BACKENDS {
        let host = Host::new();
        let (dir, mut network) = scripted("10.0.0.2/24");
        network["backend"] = json!(backend);
        network["lockTimeout"] = json!(LOCK_TIMEOUT);
        let path = slow_iptables(&dir, backend);
        let started = Instant::now();
        let calls = crowd(&host, &dir, &network);
        let slowly = calls.iter().map(|call| call.clone().env("PATH", &path));
        let running: Vec<_> = slowly.map(|call| call.start(plugin())).collect();
        for (number, call) in running.into_iter().enumerate() {
            let outcome = call.finish();
            assert_eq!(outcome.code(), Some(0), "{backend}: ADD {number}: {outcome}");
        }
        let took = started.elapsed().as_secs_f64();
        assert!(took > 2.0 * LOCK_TIMEOUT, "the queue took {took} s");
        let owners = own_rules(&host, backend);
        let has = |number: u16| owners.contains(&format!("container_id: c{number} "));
        assert!((0..CROWD).all(has), "{backend}: {owners}");
        calls.iter().for_each(|call| drop(del(call)));
        assert_eq!(own_rules(&host, backend), "", "{backend}");
    }
}

/// A host on which foreign programs hold the xtables lock, one after the other.
struct Foreign {
    host: Host,
    dir: PluginDir,
    network: Value,
    call: CallBuilder,
}

impl Foreign {
    fn new(lock_timeout: f64) -> Self {
        let host = Host::new();
        let (dir, mut network) = scripted("10.0.0.2/24");
        network["backend"] = json!("iptables-legacy");
        let call = fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]);
        // Creates the lock file and the tables.
        add(&call);
        del(&call);
        network["lockTimeout"] = json!(lock_timeout);
        Self { host, dir, network, call: call.key("lockTimeout", json!(lock_timeout)) }
    }

    /// Returns an ADD of another container.
    fn other(&self) -> CallBuilder {
        fake_container(&self.host, &self.dir, &self.network, "c2", &[tcp(8081, 80)])
    }

    /// Starts processes that hold the lock one after the other, for these times in seconds. The
    /// first of them begins when all are in the queue.
    fn hold(&self, times: &[f64]) -> Vec<Child> {
        let start = |script: &str| {
            let mut flock = self.host.command("flock");
            flock.args([XTABLES_LOCK, "sh", "-c", script]).spawn().expect("flock")
        };
        let mut holders = vec![start("until [ -e /run/go ]; do sleep 0.01; done")];
        wait_until("the first holds it", || is_locked(&self.host, XTABLES_LOCK));
        holders.extend(times.iter().map(|time| start(&format!("sleep {time}"))));
        let inode = self.host.run(&format!("stat -c :%i {XTABLES_LOCK}"));
        wait_until("all are in the queue", || {
            let locks = self.host.run("cat /proc/locks");
            locks.lines().filter(|line| line.contains(inode.trim())).count() == holders.len()
        });
        self.host.write("/run/go", "");
        holders
    }
}

#[test]
fn the_xtables_lock_is_waited_for_while_other_programs_hold_it_one_after_the_other() {
    let foreign = Foreign::new(1.0);
    let times = [0.4; 12];
    let holders = foreign.hold(&times);
    let started = Instant::now();
    let outcome = foreign.call.run(plugin());
    assert_eq!(outcome.code(), Some(0), "{outcome}");
    assert!(started.elapsed() > Duration::from_secs(2), "it waited in the queue");
    for mut holder in holders {
        holder.wait().expect("flock");
    }
    assert!(own_rules(&foreign.host, "iptables-legacy").contains("container_id: c1"));
    del(&foreign.call);
}

#[test]
fn a_holder_of_the_own_lock_that_waits_in_the_queue_of_the_xtables_lock_is_not_taken_for_stuck() {
    // On a slow machine the shorter queues are over before the second call waits.
    let waited = |length: usize| took_in_a_queue(length) > Duration::from_secs(2);
    assert!([12, 48, 192].into_iter().any(waited), "no call waited longer than the lockTimeout");
}

/// Returns how long an ADD takes while another one has the lock and waits in a queue of this length
/// for the xtables lock. The lockTimeout is one second.
fn took_in_a_queue(length: usize) -> Duration {
    let foreign = Foreign::new(1.0);
    let holders = foreign.hold(&vec![0.4; length]);
    let first = foreign.call.start(plugin());
    wait_until("the first holds the lock", || {
        is_locked(&foreign.host, "/run/mesos-cni-port-mapper/lock")
    });
    let second = foreign.other().run(plugin());
    assert_eq!(second.code(), Some(0), "{second}");
    first.finish().expect_success();
    for mut holder in holders {
        holder.wait().expect("flock");
    }
    second.took
}

#[test]
fn another_program_that_keeps_the_xtables_lock_is_reported_soon_after_the_lock_timeout() {
    let foreign = Foreign::new(1.0);
    let mut holders = foreign.hold(&[600.0]);
    let (code, msg, _) = foreign.call.run(plugin()).error();
    assert_eq!(code, 11, "{msg}");
    assert!(msg.contains("the xtables lock is still held by another program"), "{msg}");
    assert!(msg.contains("process ") && msg.contains(" has held it for "), "{msg}");
    foreign
        .host
        .sh("kill $(cat /proc/locks | sed -n 's/.*FLOCK.*WRITE \\([0-9]*\\) .*/\\1/p') || :");
    holders.iter_mut().for_each(|holder| {
        holder.kill().ok();
        holder.wait().expect("flock");
    });
}
