//! Two hundred containers at once on a host that is busy with something else: a node that boots.

use std::process::Child;
use std::time::{Duration, Instant};

use cni_test_kit::{CallBuilder, Host, Outcome};
use serde_json::json;

use crate::common::own_rules::own_rules;
use crate::common::{PLUGINS, TIMEOUT, example_network, plugin};

on_every_backend!(
    #[ignore = "it keeps the whole machine busy for minutes"]
    two_hundred_containers_at_once_beside_busy_loops_all_succeed,
);

const CONTAINERS: u16 = 200;
const BUSY_LOOPS: usize = 8;

/// Processes that use all the time that they get.
struct BusyLoops(Vec<Child>);

impl BusyLoops {
    fn start(host: &Host) -> Self {
        let start = |_| {
            let prepare = |command: &mut std::process::Command| {
                command.args(["-c", "while :; do :; done"]);
            };
            host.start("/bin/sh", prepare).expect("sh")
        };
        Self((0..BUSY_LOOPS).map(start).collect())
    }
}

impl Drop for BusyLoops {
    fn drop(&mut self) {
        for process in &mut self.0 {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn calls(host: &Host, backend: &str) -> Vec<CallBuilder> {
    let call = |number: u16| {
        let ports = json!([{"hostPort": 8000 + number, "containerPort": 80, "protocol": "tcp"}]);
        CallBuilder::add("mesos")
            .config(example_network(&[]))
            .key("backend", json!(backend))
            .key("runtimeConfig", json!({"portMappings": ports}))
            .key("wrapper", json!({"delegateTimeout": 10 * TIMEOUT}))
            .limit(Duration::from_secs(15 * TIMEOUT))
            .container(&host.container(&format!("c{number}")))
            .cni_path(PLUGINS)
    };
    (0..CONTAINERS).map(call).collect()
}

/// Runs all calls at once. Returns the failed ones.
fn run_all(backend: &str, verb: &str, calls: &[CallBuilder]) -> Vec<Outcome> {
    let started = Instant::now();
    let running: Vec<_> =
        calls.iter().map(|call| call.clone().as_verb(verb).start(plugin())).collect();
    let outcomes: Vec<_> = running.into_iter().map(|call| call.finish()).collect();
    let took = started.elapsed();
    let failed: Vec<_> = outcomes.into_iter().filter(|outcome| outcome.code() != Some(0)).collect();
    println!("{backend}: {} of {verb} at once in {took:.1?}, {} failed", calls.len(), failed.len());
    failed
}

fn two_hundred_containers_at_once_beside_busy_loops_all_succeed(backend: &'static str) {
    let host = Host::new();
    let calls = calls(&host, backend);
    let loops = BusyLoops::start(&host);
    let mut failed = run_all(backend, "ADD", &calls);
    failed.extend(run_all(backend, "DEL", &calls));
    drop(loops);
    let text: Vec<String> = failed.iter().take(5).map(ToString::to_string).collect();
    assert!(failed.is_empty(), "{} calls failed, such as {text:#?}", failed.len());
    assert_eq!(own_rules(&host, backend), "", "nothing is left");
}
