//! Everybody at once, at random, and some are killed. In the end there must be exactly what the survivors are said to have.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::thread;

use cni_test_kit::CallBuilder;
use fastrand::Rng;

use super::attachment::Standing;
use super::town::Town;
use crate::common::plugin;
use crate::common::traces::empty_the_firewall;

on_every_backend!(after_any_crowd_there_is_exactly_what_the_survivors_have);

/// How many calls are under way at a time.
const AT_ONCE: usize = 64;
const ATTACHMENTS: usize = 90;

fn after_any_crowd_there_is_exactly_what_the_survivors_have(backend: &'static str) {
    let schedules = if super::is_long() { 20 } else { 2 };
    let (mut calls, mut killed, mut refused, mut kept) = (0, 0, 0, 0);
    for number in 0..schedules {
        let town = Town::new(backend, 0..ATTACHMENTS);
        crowd(&town);
        if number % 2 == 1 {
            reload_the_firewall(&town);
        }
        kept += judge(&town);
        calls += town.counts.calls.load(Ordering::Relaxed);
        killed += town.counts.killed.load(Ordering::Relaxed);
        refused += town.counts.refused.load(Ordering::Relaxed);
    }
    println!(
        "{backend}: {schedules} schedules of {calls} calls, {AT_ONCE} at once: {killed} killed, {refused} refused a port that another had, {kept} attachments left with all that is theirs"
    );
    assert!(killed > 0 && refused > 0 && kept > 0, "nothing happened");
}

/// How many calls a crowd makes.
fn enough() -> usize {
    if super::is_long() { 750 } else { 150 }
}

fn crowd(town: &Town) {
    let seed = fastrand::u64(..);
    println!("{}: seed {seed}", town.backend);
    thread::scope(|scope| {
        for number in 0..AT_ONCE as u64 {
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed ^ (number << 32));
                while town.counts.calls.load(Ordering::Relaxed) < enough() {
                    town.anything(&mut rng);
                }
            });
        }
    });
}

/// With what was killed still lying about: none of it may come back in place of what is attached.
fn reload_the_firewall(town: &Town) {
    empty_the_firewall(&town.host, town.backend);
    CallBuilder::cli(&["restore"]).within(&town.host).run(plugin()).expect_success();
}

/// How many attachments there are in the end.
fn judge(town: &Town) -> usize {
    for (attachment, standing) in &town.attachments {
        let mut standing = standing.lock().expect("whole");
        if *standing == Standing::Unknown {
            attachment.del().run(plugin()).expect_success();
            *standing = Standing::Absent;
        }
    }
    let survivors = town.survivors();
    for (attachment, ports, result) in &survivors {
        attachment.check(ports, result).run(plugin()).expect_success();
    }
    assert_same(town.backend, &town.holdings(), &expected(town));
    town.end();
    survivors.len()
}

/// What there is where the survivors came one after the other and nothing else ever happened.
fn expected(town: &Town) -> Vec<String> {
    let survivors = town.survivors();
    let quiet = Town::new(town.backend, survivors.iter().map(|(it, ..)| it.number));
    for ((same, _), (_, ports, _)) in quiet.attachments.iter().zip(&survivors) {
        same.add(ports).run(plugin()).expect_success();
    }
    quiet.holdings()
}

fn assert_same(backend: &str, there: &[String], expected: &[String]) {
    let set = |lines: &[String]| lines.iter().cloned().collect::<BTreeSet<_>>();
    let (more, less) = (set(there), set(expected));
    let more_than: Vec<_> = more.difference(&less).collect();
    let less_than: Vec<_> = less.difference(&more).collect();
    assert!(
        there == expected,
        "{backend}: too much: {more_than:#?}\ntoo little: {less_than:#?}\n{} lines, expected {}",
        there.len(),
        expected.len()
    );
}
