//! A long life: thousands come and go beside many who stay, some calls are killed, and one connection goes on through all of it.

use std::fs;
use std::thread;
use std::time::Duration;

use cni_test_kit::{CallBuilder, Host, Outcome, Snapshot, Traffic};
use fastrand::Rng;
use serde_json::{Value, json};

use crate::common::traces::{NFTABLES, traces};
use crate::common::{
    CHAIN, HOST, PATIENCE, add, del, mesos, nothing_of_ours_is_left, plugin, seed, tcp,
};

on_every_backend!(while_thousands_come_and_go_nothing_grows_and_a_connection_lives_on);

/// One of so many calls is killed.
const KILLED_ONE_OF: usize = 50;
/// How many calls are under way at a time.
const AT_ONCE: usize = 4;
const KILLED: Option<i32> = Some(9);

/// How much of everything.
struct Plan {
    /// Host ports of those who stay, a thousand each at most.
    staying: u16,
    /// How many of those who come and go are there at a time.
    window: usize,
    rounds: usize,
    pairs_per_round: usize,
}

impl Plan {
    fn of(backend: &str) -> Self {
        match (super::is_long(), backend) {
            (false, _) => Self { staying: 200, window: 20, rounds: 2, pairs_per_round: 40 },
            (true, NFTABLES) => {
                Self { staying: 10_000, window: 1000, rounds: 10, pairs_per_round: 2000 }
            }
            // iptables lists the whole table in each call: beside thousands, thousands of calls take hours.
            (true, _) => Self { staying: 100, window: 20, rounds: 10, pairs_per_round: 2000 },
        }
    }
}

fn while_thousands_come_and_go_nothing_grows_and_a_connection_lives_on(backend: &'static str) {
    let plan = Plan::of(backend);
    let host = Host::new();
    let outside = host.neighbour("outside", &format!("{HOST}/24"), "203.0.113.9/24");
    let container = host.container("c1");
    let mut network = seed(&[]);
    network["backend"] = json!(backend);
    let served = mesos(&network, &container, &[tcp(7000, 7)]);
    add(&served);
    let _server = container.serve(Traffic::Echo, 7);
    let before = picture(&host);
    let conversation = outside.echo_session(HOST, 7000);

    let staying: Vec<_> = staying(&host, backend, plan.staying).collect();
    staying.iter().for_each(|call| drop(add(call)));
    let passing = Passing { host: &host, backend, window: plan.window };
    let rounds: Vec<_> = (0..plan.rounds).map(|number| passing.round(number, &plan)).collect();
    assert_flat(backend, &rounds);
    passing.last(&plan).for_each(|call| drop(del(&call)));
    staying.iter().for_each(|call| drop(del(call)));

    let lines = conversation.finish().unwrap_or_else(|broke| panic!("{backend}: {broke}"));
    before.assert_same(&picture(&host));
    del(&served);
    nothing_of_ours_is_left(&host);
    let killed: usize = rounds.iter().map(|round| round.killed).sum();
    println!(
        "{backend}: {} came and went beside {} host ports, {} at a time, {killed} calls killed; {lines} lines over one connection meanwhile; nothing grew",
        plan.rounds * plan.pairs_per_round,
        plan.staying,
        plan.window,
    );
}

/// The lock tells who took it last.
fn picture(host: &Host) -> Snapshot {
    host.snapshot().without("mesos-cni-port-mapper/lock ")
}

/// Calls of containers that are there all the time.
fn staying<'h>(
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
            &format!("staying{from}"),
            &format!("10.1.0.{}/16", from / 1000 + 2),
            mappings,
        )
    })
}

fn mapping(port: u16) -> Value {
    json!({"hostPort": port, "containerPort": 80, "protocol": "tcp"})
}

/// In the chained position: there is no delegate whose time counts.
fn call(host: &Host, backend: &str, id: &str, address: &str, mappings: Vec<Value>) -> CallBuilder {
    CallBuilder::add("mesos")
        .config(json!({
            "cniVersion": "1.0.0", "chain": CHAIN, "backend": backend,
            "lockTimeout": PATIENCE,
        }))
        .key("prevResult", json!({"cniVersion": "1.0.0", "ips": [{"address": address}]}))
        .key("runtimeConfig", json!({ "portMappings": mappings }))
        .container_id(id)
        .netns("/proc/1/ns/mnt")
        .within(host)
        .limit(Duration::from_secs(PATIENCE + 60))
}

/// Those who come and go, by number.
struct Passing<'h> {
    host: &'h Host,
    backend: &'static str,
    window: usize,
}

/// What there was at the end of a round.
#[derive(Debug)]
struct Round {
    killed: usize,
    rules: usize,
    files: usize,
    /// How long an ADD took that was not killed.
    median: Duration,
    open_files: u64,
    kernel_kib: u64,
}

impl Passing<'_> {
    fn call(&self, number: usize) -> CallBuilder {
        // A port is not used again before its last owner is gone.
        let port = 10_000 + u16::try_from(number % (4 * self.window)).expect("a small window");
        let address = format!("10.2.{}.{}/16", number / 250 % 250, number % 250 + 2);
        call(self.host, self.backend, &format!("passing{number}"), &address, vec![mapping(port)])
    }

    /// As many come as go, but in the first round nobody goes before the window is full.
    fn round(&self, round: usize, plan: &Plan) -> Round {
        let numbers = round * plan.pairs_per_round..(round + 1) * plan.pairs_per_round;
        let done: Vec<_> = thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE)
                .map(|worker| numbers.clone().skip(worker).step_by(AT_ONCE))
                .map(|mine| scope.spawn(|| self.work(mine)))
                .collect();
            workers.into_iter().flat_map(|worker| worker.join().expect("no panic")).collect()
        });
        self.look(&done)
    }

    /// One after the other comes, and one who came before it goes. How long each ADD took, and how many calls were killed.
    fn work(&self, numbers: impl Iterator<Item = usize>) -> Vec<(Duration, usize)> {
        let mut rng = Rng::new();
        let one = |number: usize| {
            let (took, killed) = self.comes(number, &mut rng);
            let old = number.checked_sub(self.window);
            (took, killed + old.map_or(0, |old| self.goes(old, &mut rng)))
        };
        numbers.map(one).collect()
    }

    fn look(&self, done: &[(Duration, usize)]) -> Round {
        let mut times: Vec<_> = done.iter().map(|(took, _)| *took).collect();
        times.sort();
        let rules = traces(self.host, self.backend);
        Round {
            killed: done.iter().map(|(_, killed)| killed).sum(),
            rules: rules.matches("container_id: ").count(),
            files: self.host.run("ls -A /run/mesos-cni-port-mapper").lines().count(),
            median: times[times.len() / 2],
            open_files: first_number("/proc/sys/fs/file-nr", ""),
            kernel_kib: first_number("/proc/meminfo", "SUnreclaim:"),
        }
    }

    /// ADD; when it was killed, DEL and ADD, as a runtime does.
    fn comes(&self, number: usize, rng: &mut Rng) -> (Duration, usize) {
        let call = self.call(number);
        match may_be_killed(&call, rng) {
            Some(outcome) => (outcome.took, 0),
            None => {
                del(&call);
                (add(&call).took, 1)
            }
        }
    }

    /// DEL, once more when it was killed. How many were.
    fn goes(&self, number: usize, rng: &mut Rng) -> usize {
        let call = self.call(number).as_verb("DEL");
        if may_be_killed(&call, rng).is_some() {
            return 0;
        }
        call.run(plugin()).expect_success();
        1
    }

    /// Those who are still there after the last round.
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

/// The number behind a word in a file of the kernel.
fn first_number(path: &str, word: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let line = text.lines().find_map(|line| line.strip_prefix(word)).expect("the word");
    line.split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

/// After the first round, which fills the window, every round ends as the one before. What the kernel holds is of the whole machine,
/// so that only the long form, which has it for itself, can tell.
fn assert_flat(backend: &str, rounds: &[Round]) {
    for (number, round) in rounds.iter().enumerate() {
        println!("{backend}: round {number}: {round:?}");
    }
    let [first, .., last] = rounds else { panic!("at least two rounds") };
    for round in rounds {
        assert_eq!((round.rules, round.files), (first.rules, first.files), "{backend}: {round:?}");
    }
    if super::is_long() {
        assert!(last.median < first.median * 2, "{backend}: slower and slower");
        assert!(last.open_files < first.open_files + 1000, "{backend}: files stay open");
        assert!(
            last.kernel_kib < first.kernel_kib + 64 * 1024,
            "{backend}: the kernel keeps memory"
        );
    }
}
