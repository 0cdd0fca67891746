//! Random concurrent calls, some of which are killed. At the end, the host must have exactly what
//! the successful calls have created.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::thread;

use cni_test_kit::CallBuilder;
use fastrand::Rng;

use super::attachment::Status;
use super::simulation::Simulation;
use crate::common::own_rules::flush_firewall;
use crate::common::plugin;

on_every_backend!(after_concurrent_calls_the_host_has_exactly_what_they_created);

/// The number of concurrent calls.
const CONCURRENCY: usize = 64;
const ATTACHMENTS: usize = 90;

fn after_concurrent_calls_the_host_has_exactly_what_they_created(backend: &'static str) {
    let _load = super::loads_the_machine();
    // In every second one the firewall is reloaded. A single one is of either kind, at random.
    let (first, schedules) = match (super::is_long(), super::is_all()) {
        (true, _) => (0, 20),
        (false, true) => (0, 2),
        (false, false) => (fastrand::usize(..2), 1),
    };
    let (mut calls, mut killed, mut refused, mut kept) = (0, 0, 0, 0);
    for number in first..first + schedules {
        let simulation = Simulation::new(backend, 0..ATTACHMENTS);
        run_schedule(&simulation);
        if number % 2 == 1 {
            reload_firewall(&simulation);
        }
        kept += verify(&simulation);
        calls += simulation.counts.calls.load(Ordering::Relaxed);
        killed += simulation.counts.killed.load(Ordering::Relaxed);
        refused += simulation.counts.refused.load(Ordering::Relaxed);
    }
    println!(
        "{backend}: {schedules} schedules of {calls} calls, {CONCURRENCY} at a time: {killed} \
         killed, {refused} refused a port that another had, {kept} complete attachments at the end"
    );
    assert!(killed > 0 && refused > 0 && kept > 0, "something of each kind happened");
}

/// Returns the number of calls in a schedule.
fn calls_per_schedule() -> usize {
    if super::is_long() { 750 } else { 150 }
}

fn run_schedule(simulation: &Simulation) {
    let seed = fastrand::u64(..);
    println!("{}: seed {seed}", simulation.backend);
    thread::scope(|scope| {
        for number in 0..CONCURRENCY as u64 {
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed ^ (number << 32));
                while simulation.counts.calls.load(Ordering::Relaxed) < calls_per_schedule() {
                    simulation.random_call(&mut rng);
                }
            });
        }
    });
}

/// Flushes the firewall and restores it. What killed calls have left must not be restored.
fn reload_firewall(simulation: &Simulation) {
    flush_firewall(&simulation.host, simulation.backend);
    CallBuilder::cli(&["restore"]).within(&simulation.host).run(plugin()).expect_success();
}

/// Checks the host and deletes everything. Returns the number of attachments that existed.
fn verify(simulation: &Simulation) -> usize {
    for (attachment, status) in &simulation.attachments {
        let mut status = status.lock().expect("not poisoned");
        if *status == Status::Unknown {
            attachment.del().run(plugin()).expect_success();
            *status = Status::Absent;
        }
    }
    let survivors = simulation.survivors();
    for (attachment, ports, result) in &survivors {
        attachment.check(ports, result).run(plugin()).expect_success();
    }
    assert_same(simulation.backend, &simulation.holdings(), &expected(simulation));
    simulation.delete_all();
    survivors.len()
}

/// Returns what a host has to which the same attachments were added one after the other.
fn expected(simulation: &Simulation) -> Vec<String> {
    let survivors = simulation.survivors();
    let reference = Simulation::new(
        simulation.backend,
        survivors.iter().map(|(attachment, ..)| attachment.number),
    );
    for ((same, _), (_, ports, _)) in reference.attachments.iter().zip(&survivors) {
        same.add(ports).run(plugin()).expect_success();
    }
    reference.holdings()
}

fn assert_same(backend: &str, actual: &[String], expected: &[String]) {
    let set = |lines: &[String]| lines.iter().cloned().collect::<BTreeSet<_>>();
    let (actual_set, expected_set) = (set(actual), set(expected));
    let unexpected: Vec<_> = actual_set.difference(&expected_set).collect();
    let missing: Vec<_> = expected_set.difference(&actual_set).collect();
    assert!(
        actual == expected,
        "{backend}: unexpected: {unexpected:#?}\nmissing: {missing:#?}\n{} lines, expected {}",
        actual.len(),
        expected.len()
    );
}
