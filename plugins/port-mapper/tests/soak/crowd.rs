//! Everybody at once, at random, and some are killed. In the end there must be exactly what the survivors are said to have.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use cni_wrapper_test::CallBuilder;
use fastrand::Rng;

use crate::attachment::Standing;
use crate::common::plugin;
use crate::common::traces::empty_the_firewall;
use crate::town::Town;

on_every_backend!(after_any_crowd_there_is_exactly_what_the_survivors_have);

/// How many calls are under way at a time.
const AT_ONCE: usize = 64;
const ATTACHMENTS: usize = 90;

fn after_any_crowd_there_is_exactly_what_the_survivors_have(backend: &'static str) {
    let (schedules, time) = if crate::is_long() { (20, 15) } else { (2, 2) };
    let (mut calls, mut killed, mut refused, mut kept) = (0, 0, 0, 0);
    for number in 0..schedules {
        let town = Town::new(backend, ATTACHMENTS);
        crowd(&town, Duration::from_secs(time));
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

fn crowd(town: &Town, time: Duration) {
    let seed = fastrand::u64(..);
    println!("{}: seed {seed}", town.backend);
    let end = Instant::now() + time;
    thread::scope(|scope| {
        for number in 0..AT_ONCE as u64 {
            scope.spawn(move || {
                let mut rng = Rng::with_seed(seed ^ (number << 32));
                while Instant::now() < end {
                    town.anything(&mut rng);
                }
            });
        }
    });
}

/// With what was killed still lying about: none of it may come back in place of what is attached.
fn reload_the_firewall(town: &Town) {
    empty_the_firewall(&town.host, town.backend);
    CallBuilder::by_hand(&["restore"]).within(&town.host).run(plugin()).expect_success();
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
    let quiet = Town::new(town.backend, ATTACHMENTS);
    for (attachment, ports, _) in town.survivors() {
        let same = quiet.attachments.iter().find(|(it, _)| it.name == attachment.name);
        let (same, _) = same.expect("the same attachments are in both");
        same.add(&ports).run(plugin()).expect_success();
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
