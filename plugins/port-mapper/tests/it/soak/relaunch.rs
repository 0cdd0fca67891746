//! A task is relaunched on the same host port, with the timing of Mesos: the ADD of the next task
//! begins before the DEL of the last one.

use std::ops::RangeInclusive;
use std::thread;
use std::time::{Duration, Instant};

use cni_conformance::runtime::kind::RuntimeKind;
use cni_conformance::runtime::lifecycle::catalogue;
use cni_conformance::runtime::lifecycle::run::run_lifecycle;
use cni_conformance::runtime::lifecycle::setup::Setup;
use cni_conformance::runtime::mesos::isolator::DEL_DELAY;
use cni_conformance::{Profile, Subject, Verdict};
use cni_test_kit::{CallBuilder, Container, Host, Neighbour, Outcome, Server, Traffic};
use cni_wrapper::SpecVersion;
use fastrand::Rng;
use serde_json::{Value, json};

use crate::common::{
    HOST, TIMEOUT, add, assert_nothing_is_left, del, example_network, mesos, plugin, reached, tcp,
};

on_every_backend!(
    the_relaunch_of_the_mesos_emulator_passes,
    a_relaunch_on_the_same_port_never_fails,
);

/// A short delay, for which the tests that run every time wait.
const SHORT: Duration = Duration::from_millis(300);

fn the_relaunch_of_the_mesos_emulator_passes(backend: &'static str) {
    let _load = super::loads_the_machine();
    let config = json!({
        "backend": backend, "lockTimeout": TIMEOUT, "conflictTimeout": TIMEOUT,
    });
    let config = config.as_object().cloned().expect("an object");
    let mut subject = Subject::new(plugin(), Profile::Wrapper, config);
    let mapping = json!({"hostPort": 8000, "containerPort": 80, "protocol": "tcp"});
    subject.runtime_config.insert("portMappings".to_owned(), json!([mapping]));
    let limit = Duration::from_secs(TIMEOUT + 60);
    let setup = Setup::of_subject(RuntimeKind::Mesos, subject, SpecVersion::V1_0_0, limit);
    let setup = setup.expect("a setup").with_del_delay(SHORT);
    let relaunch = catalogue::all().find(|lifecycle| lifecycle.name == "relaunch");
    let (result, _) = run_lifecycle(relaunch.expect("the lifecycle"), &setup);
    assert_eq!(result.verdict, Verdict::Pass, "{backend}: {result:#?}");
    for step in ["ADD of second", "DEL of first", "host port 8003 reaches second from outside"] {
        let passed = result.steps.iter().any(|one| one.passed && one.what == step);
        assert!(passed, "{backend}: {step}: {result:#?}");
    }
}

/// The number of host ports on which tasks are relaunched at the same time.
const LANES: u16 = 4;

/// The size and the timing of the test.
struct Plan {
    /// On each host port.
    relaunches: usize,
    delay: RangeInclusive<Duration>,
    /// `None` is the default.
    conflict_timeout: Option<u64>,
}

impl Plan {
    fn new() -> Self {
        match super::is_long() {
            true => Self { relaunches: 50, delay: DEL_DELAY, conflict_timeout: None },
            false => Self {
                relaunches: 2,
                delay: Duration::ZERO..=SHORT,
                conflict_timeout: Some(TIMEOUT),
            },
        }
    }

    fn random_delay(&self, rng: &mut Rng) -> Duration {
        let millis = |delay: &Duration| u64::try_from(delay.as_millis()).expect("short");
        Duration::from_millis(rng.u64(millis(self.delay.start())..=millis(self.delay.end())))
    }

    fn network(&self, backend: &str) -> Value {
        let mut network = example_network(&[]);
        network["backend"] = json!(backend);
        network["lockTimeout"] = json!(TIMEOUT);
        if let Some(seconds) = self.conflict_timeout {
            network["conflictTimeout"] = json!(seconds);
        }
        network
    }
}

fn a_relaunch_on_the_same_port_never_fails(backend: &'static str) {
    let _alone = super::measures_durations();
    let plan = Plan::new();
    let host = Host::new();
    let outside = host.neighbour("outside", &format!("{HOST}/24"), "203.0.113.9/24");
    let before = host.snapshot();
    let network = plan.network(backend);
    let lane = |number: u16| Lane { host: &host, outside: &outside, network: &network, number };
    let all: Vec<Relaunch> = thread::scope(|scope| {
        let plan = &plan;
        let running: Vec<_> =
            (0..LANES).map(lane).map(|lane| scope.spawn(move || lane.run(plan))).collect();
        running.into_iter().flat_map(|lane| lane.join().expect("no panic")).collect()
    });
    host.run("ip link delete mesos-cni0");
    host.run("rm -rf /var/lib/cni/networks /run/cni");
    assert_nothing_is_left(&host);
    before.assert_same(&host.snapshot());
    report(backend, &all);
}

/// Prints the figures and checks that no relaunch failed.
fn report(backend: &str, all: &[Relaunch]) {
    let failures: Vec<_> = all.iter().filter_map(|one| one.failure.as_deref()).collect();
    let mut added: Vec<_> =
        all.iter().filter(|one| one.failure.is_none()).map(|one| one.added).collect();
    added.sort();
    let [median, most] =
        [added.get(added.len() / 2), added.last()].map(|time| time.copied().unwrap_or_default());
    println!(
        "{backend}: {} relaunches on the same host port, {} at a time: {} failures; the ADD took \
         longer than until the end of the DEL by {median:?} in the median, by {most:?} at most",
        all.len(),
        LANES,
        failures.len(),
    );
    assert!(failures.is_empty(), "{backend}: {} failed, first {}", failures.len(), failures[0]);
    // A figure of speed, so only in the long form, which runs alone.
    let limit = Duration::from_secs(2);
    assert!(!super::is_long() || most <= limit, "{backend}: an ADD took {most:?} longer");
}

/// What a relaunch did.
struct Relaunch {
    /// The error of its ADD.
    failure: Option<String>,
    /// The time from the end of the DEL to the end of the ADD.
    added: Duration,
}

/// A host port on which one task follows the other.
struct Lane<'h> {
    host: &'h Host,
    outside: &'h Neighbour,
    network: &'h Value,
    number: u16,
}

/// A task with its container.
struct Task {
    container: Container,
    server: Server,
    call: CallBuilder,
}

impl Lane<'_> {
    fn run(&self, plan: &Plan) -> Vec<Relaunch> {
        let mut rng = Rng::new();
        let mut task = self.task(0);
        add(&task.call);
        let mut relaunch = |number| {
            let next = self.task(number);
            let relaunch = relaunch(&task, &next, plan.random_delay(&mut rng));
            let last = std::mem::replace(&mut task, next);
            drop(last.server);
            last.container.delete();
            self.expect_traffic(&task);
            relaunch
        };
        let all = (1..=plan.relaunches).map(&mut relaunch).collect();
        del(&task.call);
        all
    }

    fn port(&self) -> u16 {
        8000 + self.number
    }

    fn task(&self, number: usize) -> Task {
        let container = self.host.container(&format!("lane{}task{number}", self.number));
        let call = mesos(self.network, &container, &[tcp(self.port(), 80)]);
        let server = container.serve(Traffic::Http, 80);
        Task { container, server, call }
    }

    fn expect_traffic(&self, task: &Task) {
        let answer = reached(self.outside, HOST, self.port(), task.container.name());
        let expected = format!("{} saw ", task.container.name());
        assert!(answer.starts_with(&expected), "{answer} instead of {expected}");
    }
}

/// Runs the ADD of the next task, and after a delay the DEL of the last one. If the ADD fails, runs
/// it again, so that the next task has the port in any case.
fn relaunch(last: &Task, next: &Task, delay: Duration) -> Relaunch {
    let timed = |call: &CallBuilder| -> (Outcome, Instant) {
        let outcome = call.run(plugin());
        (outcome, Instant::now())
    };
    let ((added, add_ended), (deleted, del_ended)) = thread::scope(|scope| {
        let adding = scope.spawn(|| timed(&next.call));
        thread::sleep(delay);
        let deleted = timed(&last.call.clone().as_verb("DEL"));
        (adding.join().expect("no panic"), deleted)
    });
    deleted.expect_success();
    let failure = (added.code() != Some(0)).then(|| added.to_string());
    if failure.is_some() {
        del(&next.call);
        add(&next.call);
    }
    Relaunch { failure, added: add_ended.saturating_duration_since(del_ended) }
}
