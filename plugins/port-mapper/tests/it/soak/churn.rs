//! A long run: thousands of containers are created and deleted next to many that stay, some calls
//! are killed, and one connection is used all the time.

use std::fs;
use std::thread;
use std::time::Duration;

use cni_test_kit::{CallBuilder, Host, Outcome, Snapshot, Traffic};
use fastrand::Rng;
use serde_json::{Value, json};

use crate::common::own_rules::{NFTABLES, own_rules};
use crate::common::{
    CHAIN, HOST, TIMEOUT, add, assert_nothing_is_left, del, example_network, mesos, plugin, tcp,
};

on_every_backend!(while_thousands_are_created_and_deleted_nothing_grows_and_a_connection_survives);

/// One of this many calls is killed.
const KILLED_ONE_OF: usize = 50;
/// The number of concurrent calls.
const CONCURRENCY: usize = 4;
const KILLED: Option<i32> = Some(9);

/// The size of the test.
struct Plan {
    /// The host ports of long-lived containers, at most a thousand each.
    long_lived: u16,
    /// The number of short-lived containers at a time.
    window: usize,
    rounds: usize,
    pairs_per_round: usize,
}

impl Plan {
    fn of(backend: &str) -> Self {
        match (super::is_long(), backend) {
            (false, _) => Self { long_lived: 200, window: 20, rounds: 2, pairs_per_round: 40 },
            (true, NFTABLES) => {
                Self { long_lived: 10_000, window: 1000, rounds: 10, pairs_per_round: 2000 }
            }
            // iptables lists the whole table in each call: with thousands of rules it would take
            // hours.
            (true, _) => Self { long_lived: 100, window: 20, rounds: 10, pairs_per_round: 2000 },
        }
    }
}

fn while_thousands_are_created_and_deleted_nothing_grows_and_a_connection_survives(
    backend: &'static str,
) {
    let _load = super::loads_the_machine();
    let plan = Plan::of(backend);
    let host = Host::new();
    let outside = host.neighbour("outside", &format!("{HOST}/24"), "203.0.113.9/24");
    let container = host.container("c1");
    let mut network = example_network(&[]);
    network["backend"] = json!(backend);
    let served = mesos(&network, &container, &[tcp(7000, 7)]);
    add(&served);
    let _server = container.serve(Traffic::Echo, 7);
    let before = snapshot(&host);
    let conversation = outside.echo_session(HOST, 7000);

    let long_lived: Vec<_> = long_lived(&host, backend, plan.long_lived).collect();
    long_lived.iter().for_each(|call| drop(add(call)));
    let short_lived = ShortLived { host: &host, backend, window: plan.window };
    let rounds: Vec<_> = (0..plan.rounds).map(|number| short_lived.round(number, &plan)).collect();
    assert_flat(backend, &rounds);
    short_lived.last(&plan).for_each(|call| drop(del(&call)));
    long_lived.iter().for_each(|call| drop(del(call)));

    let lines = conversation.finish().unwrap_or_else(|broke| panic!("{backend}: {broke}"));
    before.assert_same(&snapshot(&host));
    del(&served);
    assert_nothing_is_left(&host);
    let killed: usize = rounds.iter().map(|round| round.killed).sum();
    println!(
        "{backend}: {} created and deleted next to {} host ports, {} at a time, {killed} calls \
         killed; {lines} lines over one connection; nothing grew",
        plan.rounds * plan.pairs_per_round,
        plan.long_lived,
        plan.window,
    );
}

/// The lock file contains the process that last took it.
fn snapshot(host: &Host) -> Snapshot {
    host.snapshot().without("mesos-cni-port-mapper/lock ")
}

/// Returns the ADDs of the long-lived containers.
fn long_lived<'h>(
    host: &'h Host,
    backend: &'static str,
    ports: u16,
) -> impl Iterator<Item = CallBuilder> + 'h {
    let first = 20_000;
    (0..ports).step_by(1000).map(move |from| {
        let to = (from + 1000).min(ports);
        let mappings = (from..to).map(|port| mapping(first + port)).collect();
        call(
            host,
            backend,
            &format!("long_lived{from}"),
            &format!("10.1.0.{}/16", from / 1000 + 2),
            mappings,
        )
    })
}

fn mapping(port: u16) -> Value {
    json!({"hostPort": port, "containerPort": 80, "protocol": "tcp"})
}

/// Returns an ADD in the chained position, so that no delegate takes time.
fn call(host: &Host, backend: &str, id: &str, address: &str, mappings: Vec<Value>) -> CallBuilder {
    CallBuilder::add("mesos")
        .config(json!({
            "cniVersion": "1.0.0", "chain": CHAIN, "backend": backend,
            "lockTimeout": TIMEOUT,
        }))
        .key("prevResult", json!({"cniVersion": "1.0.0", "ips": [{"address": address}]}))
        .key("runtimeConfig", json!({ "portMappings": mappings }))
        .container_id(id)
        .netns("/proc/1/ns/mnt")
        .within(host)
        .limit(Duration::from_secs(TIMEOUT + 60))
}

/// The short-lived containers, by number.
struct ShortLived<'h> {
    host: &'h Host,
    backend: &'static str,
    window: usize,
}

/// Measurements at the end of a round.
#[derive(Debug)]
struct Round {
    killed: usize,
    rules: usize,
    files: usize,
    /// The median duration of the ADDs that were not killed.
    median: Duration,
    open_files: u64,
    kernel_kib: u64,
}

impl ShortLived<'_> {
    fn call(&self, number: usize) -> CallBuilder {
        // A port is not used again before its last owner has been deleted.
        let port = 10_000 + u16::try_from(number % (4 * self.window)).expect("a small window");
        let address = format!("10.2.{}.{}/16", number / 250 % 250, number % 250 + 2);
        call(
            self.host,
            self.backend,
            &format!("short_lived{number}"),
            &address,
            vec![mapping(port)],
        )
    }

    /// Creates containers and deletes the same number, but none before the window is full.
    fn round(&self, round: usize, plan: &Plan) -> Round {
        let numbers = round * plan.pairs_per_round..(round + 1) * plan.pairs_per_round;
        let done: Vec<_> = thread::scope(|scope| {
            let workers: Vec<_> = (0..CONCURRENCY)
                .map(|worker| numbers.clone().skip(worker).step_by(CONCURRENCY))
                .map(|mine| scope.spawn(|| self.work(mine)))
                .collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
        });
        self.measure(&done)
    }

    /// Creates one container after the other, and deletes an older one each time. Returns the
    /// duration of each ADD and the number of killed calls.
    fn work(&self, numbers: impl Iterator<Item = usize>) -> Vec<(Duration, usize)> {
        let mut rng = Rng::new();
        let one = |number: usize| {
            let (took, killed) = self.create(number, &mut rng);
            let old = number.checked_sub(self.window);
            (took, killed + old.map_or(0, |old| self.delete(old, &mut rng)))
        };
        numbers.map(one).collect()
    }

    fn measure(&self, done: &[(Duration, usize)]) -> Round {
        let mut times: Vec<_> = done.iter().map(|(took, _)| *took).collect();
        times.sort();
        let rules = own_rules(self.host, self.backend);
        Round {
            killed: done.iter().map(|(_, killed)| killed).sum(),
            rules: rules.matches("container_id: ").count(),
            files: self.host.run("ls -A /run/mesos-cni-port-mapper").lines().count(),
            median: times[times.len() / 2],
            open_files: first_number("/proc/sys/fs/file-nr", ""),
            kernel_kib: first_number("/proc/meminfo", "SUnreclaim:"),
        }
    }

    /// Runs ADD. If it was killed, runs DEL and ADD, as a runtime does.
    fn create(&self, number: usize, rng: &mut Rng) -> (Duration, usize) {
        let call = self.call(number);
        match may_be_killed(&call, rng) {
            Some(outcome) => (outcome.took, 0),
            None => {
                del(&call);
                (add(&call).took, 1)
            }
        }
    }

    /// Runs DEL, again if it was killed. Returns the number of killed calls.
    fn delete(&self, number: usize, rng: &mut Rng) -> usize {
        let call = self.call(number).as_verb("DEL");
        if may_be_killed(&call, rng).is_some() {
            return 0;
        }
        call.run(plugin()).expect_success();
        1
    }

    /// Returns the calls of containers that exist after the last round.
    fn last(&self, plan: &Plan) -> impl Iterator<Item = CallBuilder> {
        let all = plan.rounds * plan.pairs_per_round;
        (all - self.window..all).map(|number| self.call(number))
    }
}

fn may_be_killed(call: &CallBuilder, rng: &mut Rng) -> Option<Outcome> {
    if rng.usize(..KILLED_ONE_OF) > 0 {
        return Some(call.run(plugin()).expect_success());
    }
    let outcome = call.run_or_kill(plugin(), Duration::from_micros(100 << rng.u32(..10)));
    (outcome.signal() != KILLED).then(|| outcome.expect_success())
}

/// Returns the number after a keyword in a file of the kernel.
fn first_number(path: &str, word: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let line = text.lines().find_map(|line| line.strip_prefix(word)).expect("the word");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

/// Checks that every round after the first, which fills the window, ends like the previous one.
///
/// The figures of the kernel are of the whole machine, so they are checked only in the long form,
/// which runs alone.
fn assert_flat(backend: &str, rounds: &[Round]) {
    for (number, round) in rounds.iter().enumerate() {
        println!("{backend}: round {number}: {round:?}");
    }
    let [first, .., last] = rounds else { panic!("at least two rounds") };
    for round in rounds {
        assert_eq!((round.rules, round.files), (first.rules, first.files), "{backend}: {round:?}");
    }
    if super::is_long() {
        assert!(last.median < first.median * 2, "{backend}: ADD becomes slower");
        assert!(last.open_files < first.open_files + 1000, "{backend}: files remain open");
        assert!(
            last.kernel_kib < first.kernel_kib + 64 * 1024,
            "{backend}: the kernel keeps memory"
        );
    }
}
