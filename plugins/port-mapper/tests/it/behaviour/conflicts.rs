//! Host ports of other containers: an ADD waits for them, first come, first served.

use cni_test_kit::CallBuilder;
use serde_json::json;

use super::testbed::{RulesTestbed, STATE, files};
use crate::common::{TIMEOUT, add, del, plugin, tcp, wait_until};

on_every_backend!(
    an_add_waits_for_the_del_of_the_container_that_has_its_host_port,
    of_two_that_wait_the_first_gets_the_port_and_then_the_second,
    an_add_that_comes_while_another_waits_does_not_overtake_it,
    an_add_that_was_killed_while_it_waited_is_not_waited_for,
    a_del_ends_the_wait_of_its_own_add,
    a_port_that_is_not_given_up_is_refused_after_the_time_with_its_owner,
);

fn waiting(testbed: &RulesTestbed, id: &str) -> CallBuilder {
    testbed.call(id, &[tcp(8080, 80)]).key("conflictTimeout", json!(TIMEOUT))
}

fn number_waiting(testbed: &RulesTestbed) -> usize {
    let files = files(&testbed.host, STATE);
    files.iter().filter(|name| name.starts_with("waiting/")).count()
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
    wait_until("the second waits", || number_waiting(&testbed) == 1);
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
    let processes = testbed.host.processes();
    let is_plugin = |name: &str| name.contains("mesos-cni-port");
    let mut ids = processes.iter().filter(|process| is_plugin(&process.command));
    ids.next_back().map(|process| process.pid)
}

fn an_add_that_was_killed_while_it_waited_is_not_waited_for(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let [one, two, three] = ["c1", "c2", "c3"].map(|id| waiting(&testbed, id));
    add(&one);
    let mut second = two.start(plugin());
    wait_until("the second waits", || number_waiting(&testbed) == 1);
    second.kill();
    let third = three.start(plugin());
    wait_until("the third waits", || number_waiting(&testbed) == 1);
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
        let (code, msg, _) = call.run(plugin()).error();
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
