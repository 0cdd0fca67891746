//! A range of 60,000 host ports that lead to other ports of a container, next to other containers.

use std::time::Instant;

use cni_test_kit::{CallBuilder, Host};
use serde_json::json;

use crate::common::{
    fake_container, is_locked, is_waiting_for_a_lock, plugin, scripted, tcp, wait_until,
};

on_every_backend!(
    #[ignore = "it takes a minute on a busy machine"]
    another_container_waits_for_a_range_of_60000_shifted_ports,
);

const LOCK: &str = "/run/mesos-cni-port-mapper/lock";

fn another_container_waits_for_a_range_of_60000_shifted_ports(backend: &'static str) {
    let host = Host::new();
    let (dir, mut network) = scripted("10.0.0.2/24");
    network["backend"] = json!(backend);
    network["lockTimeout"] = json!(null);
    let range =
        json!([{"hostPort": 1000, "containerPort": 1001, "protocol": "tcp", "range": 60_000}]);
    let wide = fake_container(&host, &dir, &network, "wide", &[])
        .key("runtimeConfig", json!({ "portMappings": range }));
    let other = fake_container(&host, &dir, &network, "other", &[tcp(80, 80)]);
    for verb in ["ADD", "DEL"] {
        let started = Instant::now();
        let running = wide.clone().as_verb(verb).start(plugin());
        wait_until("the lock is held", || is_locked(&host, LOCK));
        let waiting = other.start(plugin());
        wait_until("the other waits", || is_waiting_for_a_lock(&host));
        running.finish().expect_success();
        println!("{backend}: {verb} of 60,000 ports in {:.1?}", started.elapsed());
        let waited = waiting.finish().expect_success();
        println!("{backend}: ADD of another container in {:.1?}", waited.took);
        timed(backend, "DEL of another container", &other.clone().as_verb("DEL"));
    }
}

fn timed(backend: &str, what: &str, call: &CallBuilder) {
    let started = Instant::now();
    call.run(plugin()).expect_success();
    println!("{backend}: {what} in {:.1?}", started.elapsed());
}
