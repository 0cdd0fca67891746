//! Host ports of other containers: an ADD waits for them, first come, first served.

use std::fs;
use std::time::{Duration, SystemTime};

use cni_test_kit::{CallBuilder, Outcome, RunningCall};
use humantime::parse_rfc3339;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::testbed::{RulesTestbed, STATE, files};
use crate::common::{TIMEOUT, add, del, is_locked, plugin, tcp, wait_until};

on_every_backend!(
    an_add_waits_for_the_del_of_the_container_that_has_its_host_port,
    of_two_that_wait_the_first_gets_the_port_and_then_the_second,
    an_add_that_comes_while_another_waits_does_not_overtake_it,
    an_add_that_was_killed_while_it_waited_is_not_waited_for,
    a_del_ends_the_wait_of_its_own_add,
    a_port_that_is_not_given_up_is_refused_after_the_time_with_its_owner,
    an_add_that_was_stopped_while_it_waited_is_passed_over_once_its_time_is_over,
    an_add_that_goes_on_after_its_time_comes_after_those_behind_it,
    list_shows_who_waits_for_which_port_since_when_and_until_when,
    a_conflict_in_both_families_is_reported_once,
);

fn waiting(testbed: &RulesTestbed, id: &str) -> CallBuilder {
    testbed.call(id, &[tcp(8080, 80)]).key("conflictTimeout", json!(TIMEOUT))
}

fn number_waiting(testbed: &RulesTestbed) -> usize {
    let files = files(&testbed.host, STATE);
    let turns = files.iter().filter_map(|name| name.strip_prefix("waiting/"));
    turns.filter(|turn| turn.parse::<u64>().is_ok()).count()
}

/// Reports whether that many wait, without the lock: only then may one be stopped.
fn are_waiting(testbed: &RulesTestbed, number: usize) -> bool {
    number_waiting(testbed) == number && !is_locked(&testbed.host, &format!("{STATE}/lock"))
}

fn owner(testbed: &RulesTestbed) -> String {
    let rules = testbed.own_rules();
    let mut ids: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.split_once("container_id: ")?.1.split(' ').next())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.join(" ")
}

fn assert_nothing_is_left(testbed: &RulesTestbed) {
    assert_eq!(testbed.own_rules(), "", "no rules are left");
    assert_eq!(files(&testbed.host, STATE), ["lock"], "no files are left");
}

fn an_add_waits_for_the_del_of_the_container_that_has_its_host_port(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, two] = ["c1", "c2"].map(|id| waiting(&testbed, id));
    add(&one);
    let second = two.start(plugin());
    wait_until("the second waits", || number_waiting(&testbed) == 1);
    assert_eq!(owner(&testbed), "c1");
    // It does not hold the lock meanwhile.
    del(&one);
    second.finish().expect_success();
    assert_eq!(owner(&testbed), "c2");
    del(&two);
    assert_nothing_is_left(&testbed);
}

fn of_two_that_wait_the_first_gets_the_port_and_then_the_second(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, two, three] = ["c1", "c2", "c3"].map(|id| waiting(&testbed, id));
    add(&one);
    let second = two.start(plugin());
    wait_until("the second waits", || number_waiting(&testbed) == 1);
    let third = three.start(plugin());
    wait_until("the third waits", || number_waiting(&testbed) == 2);
    del(&one);
    second.finish().expect_success();
    assert_eq!((owner(&testbed).as_str(), number_waiting(&testbed)), ("c2", 1));
    del(&two);
    third.finish().expect_success();
    del(&three);
    assert_nothing_is_left(&testbed);
}

fn an_add_that_comes_while_another_waits_does_not_overtake_it(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, two] = ["c1", "c2"].map(|id| waiting(&testbed, id));
    add(&one);
    let mut second = two.start(plugin());
    wait_until("the second waits", || are_waiting(&testbed, 1));
    // The second can't react: the port is free, and another one comes.
    let plugin_id = waiting_plugin(&testbed).expect("it runs");
    testbed.host.run(&format!("kill -STOP {plugin_id}"));
    del(&one);
    let (code, msg, _) = testbed.call("c3", &[tcp(8080, 80)]).run(plugin()).error();
    assert_eq!(code, 105, "{msg}");
    assert!(msg.contains("is awaited by container c2 "), "{msg}");
    // A port that nobody waits for is another matter.
    add(&testbed.call("c4", &[tcp(8081, 80)]));
    second.kill();
    wait_until("it has ended", || waiting_plugin(&testbed).is_none());
    add(&testbed.call("c5", &[tcp(8080, 80)]));
}

/// Returns the id of the plugin that waits, as the host sees it.
fn waiting_plugin(testbed: &RulesTestbed) -> Option<u32> {
    waiting_plugins(testbed).pop()
}

fn waiting_plugins(testbed: &RulesTestbed) -> Vec<u32> {
    let processes = testbed.host.processes();
    let is_plugin = |name: &str| name.contains("mesos-cni-port");
    let ids = processes.iter().filter(|process| is_plugin(&process.command));
    ids.map(|process| process.pid).collect()
}

fn an_add_that_was_killed_while_it_waited_is_not_waited_for(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, two, three] = ["c1", "c2", "c3"].map(|id| waiting(&testbed, id));
    add(&one);
    let mut second = two.start(plugin());
    wait_until("the second waits", || number_waiting(&testbed) == 1);
    second.kill();
    let third = three.start(plugin());
    wait_until("the third waits", || {
        queue(&testbed).iter().any(|place| place["owner"]["containerId"] == "c3")
    });
    del(&one);
    third.finish().expect_success();
    del(&two);
    del(&three);
    assert_nothing_is_left(&testbed);
}

fn a_port_that_is_not_given_up_is_refused_after_the_time_with_its_owner(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    add(&testbed.call("c1", &[tcp(8080, 80)]));
    let refused = |time: f64| {
        let call = testbed.call("c2", &[tcp(8080, 80)]).key("conflictTimeout", json!(time));
        let outcome = call.run(plugin());
        assert!(outcome.took >= Duration::from_secs_f64(time), "{time} s: {outcome}");
        let (code, msg, _) = outcome.error();
        assert_eq!(code, 105, "{msg}");
        assert!(msg.starts_with("tcp host port 8080 belongs to container c1 "), "{msg}");
        assert!(msg.contains("stop the other container first"), "{msg}");
        msg
    };
    assert!(refused(0.2).contains("and still did after 200.0ms"), "{}", refused(0.2));
    assert!(!refused(0.0).contains("still did"));
    assert_eq!(number_waiting(&testbed), 0);
    assert_eq!(owner(&testbed), "c1");
}

fn a_del_ends_the_wait_of_its_own_add(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, two] = ["c1", "c2"].map(|id| waiting(&testbed, id));
    add(&one);
    let second = two.start(plugin());
    wait_until("the second waits", || number_waiting(&testbed) == 1);
    del(&two);
    let (code, msg, _) = second.finish().error();
    assert_eq!(code, 105, "{msg}");
    assert!(msg.contains("was deleted while its ADD waited"), "{msg}");
    assert_eq!(owner(&testbed), "c1");
    del(&one);
    assert_nothing_is_left(&testbed);
}

/// Starts an ADD that waits, stops it with SIGSTOP, and waits until its time is over.
fn stopped_for_too_long(testbed: &RulesTestbed, id: &str) -> (RunningCall, u32) {
    let mut seconds = 1;
    loop {
        let others = number_waiting(testbed);
        let call = waiting(testbed, id).key("conflictTimeout", json!(seconds));
        let mut started = call.start(plugin());
        wait_until("it waits, or has given up", || {
            are_waiting(testbed, others + 1) || waiting_plugin(testbed).is_none()
        });
        if let Some(plugin_id) = waiting_plugin(testbed) {
            testbed.host.sh(&format!("kill -STOP {plugin_id} || :"));
            if number_waiting(testbed) > others {
                wait_until("its time is over", || {
                    queue(testbed).iter().any(|place| place["state"] == "overdue")
                });
                return (started, plugin_id);
            }
        }
        // It gave up before it was stopped: this machine is slow.
        started.kill();
        seconds *= 4;
    }
}

/// Lets a stopped ADD go on until it has ended, and returns its outcome.
///
/// `nsenter`, which runs it, stops itself together with it, and is woken with it.
fn go_on(call: RunningCall) -> Outcome {
    let id = i32::try_from(call.pid()).ok().and_then(Pid::from_raw).expect("an id");
    wait_until("it has ended", || {
        let _ = kill_process(id, Signal::CONT);
        let stat = fs::read_to_string(format!("/proc/{}/stat", call.pid()));
        stat.map_or(true, |stat| stat.contains(") Z "))
    });
    call.finish()
}

fn queue(testbed: &RulesTestbed) -> Vec<Value> {
    let list = CallBuilder::cli(&["list", "--json"]).within(&testbed.host).run(plugin());
    let list: Value = serde_json::from_str(&list.expect_success().stdout).expect("JSON");
    list["waiting"].as_array().cloned().expect("an array")
}

fn an_add_that_was_stopped_while_it_waited_is_passed_over_once_its_time_is_over(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    let [one, three] = ["c1", "c3"].map(|id| waiting(&testbed, id));
    add(&one);
    let (second, _) = stopped_for_too_long(&testbed, "c2");
    let third = three.start(plugin());
    wait_until("the third waits", || number_waiting(&testbed) == 2);
    del(&one);
    third.finish().expect_success();
    assert_eq!(owner(&testbed), "c3");
    // A new one is not held up, either.
    add(&testbed.call("c4", &[tcp(8081, 80)]));
    let (code, msg, _) = go_on(second).error();
    assert_eq!(code, 105, "{msg}");
    assert_eq!(owner(&testbed), "c3 c4");
    assert_eq!(number_waiting(&testbed), 0);
}

fn an_add_that_goes_on_after_its_time_comes_after_those_behind_it(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, three] = ["c1", "c3"].map(|id| waiting(&testbed, id));
    add(&one);
    let (second, second_id) = stopped_for_too_long(&testbed, "c2");
    let third = three.start(plugin());
    wait_until("the third waits", || are_waiting(&testbed, 2));
    // It has time left, and can't react to the port that is free now.
    let plugins = waiting_plugins(&testbed);
    let third_id = plugins.into_iter().find(|id| *id != second_id).expect("it runs");
    testbed.host.run(&format!("kill -STOP {third_id}"));
    del(&one);
    let (code, msg, _) = go_on(second).error();
    assert_eq!(code, 105, "{msg}");
    go_on(third).expect_success();
    assert_eq!(owner(&testbed), "c3");
}

fn list_shows_who_waits_for_which_port_since_when_and_until_when(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, two] = ["c1", "c2"].map(|id| waiting(&testbed, id));
    add(&one);
    assert_eq!(queue(&testbed), Vec::<Value>::new());
    let (second, started) = (two.start(plugin()), SystemTime::now());
    wait_until("the second waits", || number_waiting(&testbed) == 1);
    let [place] = queue(&testbed).try_into().expect("one");
    let time = |key: &str| parse_rfc3339(place[key].as_str().expect("text")).expect(key);
    let (since, until) = (time("since"), time("until"));
    // Both are rounded to milliseconds.
    let millisecond = Duration::from_millis(1);
    assert!(since + millisecond >= started && since <= SystemTime::now(), "{place}");
    let waits = until.duration_since(since).expect("later");
    assert!(waits.abs_diff(Duration::from_secs(TIMEOUT)) <= millisecond, "{place}");
    let mapping = json!({"hostIP": null, "hostPort": 8080, "containerPort": 80, "range": 1,
        "protocol": "tcp"});
    let owner = json!({"network": "mesos", "containerId": "c2", "ifname": "eth0"});
    let state = (&place["mapping"], &place["owner"], &place["state"]);
    assert_eq!(state, (&mapping, &owner, &json!("waiting")));
    let list = CallBuilder::cli(&["list"]).within(&testbed.host).run(plugin());
    let text = list.expect_success().stdout;
    assert!(text.contains("container c1 ") && text.contains("UNTIL"), "{text}");
    let line = text.lines().last().expect("a line");
    assert!(line.contains("tcp host port 8080 ") && line.contains("container c2 "), "{text}");
    del(&one);
    second.finish().expect_success();
    assert_eq!(queue(&testbed), Vec::<Value>::new());
}

fn a_conflict_in_both_families_is_reported_once(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let dual_stack = |id: &str| {
        let addresses = json!([{"address": "10.0.0.2/24"}, {"address": "fd00::2/64"}]);
        let result = json!({"cniVersion": "1.0.0", "ips": addresses});
        let call = testbed.call(id, &[tcp(8080, 80)]).key("prevResult", result);
        call.key("cniVersion", json!("1.0.0")).key("delegate", Value::Null)
    };
    let refused = |evidence: &str| {
        let (code, msg, _) = dual_stack("c2").run(plugin()).error();
        assert_eq!(code, 105, "{msg}");
        assert_eq!(msg.matches("host port 8080").count(), 1, "{evidence}: {msg}");
        assert_eq!(msg.matches("container c1 ").count(), 1, "{evidence}: {msg}");
    };
    add(&dual_stack("c1"));
    refused("by its claim");
    testbed.host.sh(&format!("rm -r {STATE}"));
    refused("by its rules");
}
