//! A read-only `/proc/sys`, as in a container that is not privileged.

use cni_test_kit::{CallBuilder, Host, Traffic};
use serde_json::{Value, json};

use super::make_read_only;
use crate::behaviour::testbed::{BRIDGE, RulesTestbed, TrafficTestbed};
use crate::behaviour::testbed::{port, port_at, route_localnet};
use crate::common::{HOST, PLUGINS, add, del, plugin, reached, tcp, unreached};

on_every_backend!(
    with_a_read_only_proc_sys_ports_are_mapped_without_127_0_0_1_and_a_warning_says_so,
    a_service_of_the_host_at_127_0_0_1_is_not_shadowed_by_such_a_mapping,
    with_route_localnet_on_for_all_interfaces_nothing_is_written_and_127_0_0_1_is_served,
    a_mapping_at_127_0_0_1_alone_is_refused_before_anything_is_changed,
    a_del_writes_nothing_where_the_setting_is_off_already,
    a_setting_that_cannot_be_turned_off_does_not_fail_a_del_and_keeps_the_guard,
    while_proc_sys_is_not_mounted_the_guard_stays,
);

const PROC_SYS: &str = "/proc/sys";
const ALL: &str = "/proc/sys/net/ipv4/conf/all/route_localnet";
/// A bridge to which the containers of [`RulesTestbed`] would be attached.
const LINK: &str = "br0";

fn make_writable(host: &Host) {
    host.run(&format!("umount {PROC_SYS}"));
}

/// Returns a host on which there is a route to the containers.
fn with_a_route(backend: &'static str) -> RulesTestbed {
    let testbed = RulesTestbed::new(backend);
    testbed.host.sh(&format!(
        "ip link add {LINK} type bridge
         ip address add 10.0.0.1/24 dev {LINK}
         ip link set {LINK} up"
    ));
    testbed
}

fn bridged(
    testbed: &TrafficTestbed,
    name: &str,
    mappings: Value,
) -> (cni_test_kit::Container, CallBuilder) {
    let container = testbed.host.container(name);
    let call = CallBuilder::add("mesos")
        .config(testbed.network(json!({"cniVersion": "0.4.0"})))
        .key("runtimeConfig", json!({ "portMappings": mappings }))
        .container(&container)
        .cni_path(PLUGINS);
    (container, call)
}

fn has_guard(rules: &str) -> bool {
    rules.contains("GUARD") || rules.contains("chain guard")
}

fn with_a_read_only_proc_sys_ports_are_mapped_without_127_0_0_1_and_a_warning_says_so(
    backend: &'static str,
) {
    let testbed = TrafficTestbed::new(backend);
    let (container, call) = bridged(&testbed, "c1", json!([port(8080, 80)]));
    make_read_only(&testbed.host, PROC_SYS);
    let added = add(&call);
    assert!(
        added.stderr.contains("not reachable through 127.0.0.1") && added.stderr.contains(BRIDGE),
        "the warning says what does not work and why: {}",
        added.stderr
    );
    let _server = container.serve(Traffic::Http, 80);
    reached(&testbed.outside, HOST, 8080, "outside");
    reached(&testbed.host, HOST, 8080, "the host, by its own address");
    unreached(&testbed.host, "127.0.0.1", 8080, "it can't be");
    assert!(!has_guard(&testbed.own_rules()), "nothing needs a guard: {}", testbed.own_rules());
    let check = call.clone().key("prevResult", added.json()).as_verb("CHECK");
    check.run(plugin()).expect_success();
    let restore = CallBuilder::cli(&["restore"]).within(&testbed.host).run(plugin());
    restore.expect_success();
    check.run(plugin()).expect_success();
    del(&call);
    del(&call);
    assert_eq!(testbed.own_rules(), "", "DEL removes everything");
}

fn a_service_of_the_host_at_127_0_0_1_is_not_shadowed_by_such_a_mapping(backend: &'static str) {
    let testbed = TrafficTestbed::new(backend);
    let (_container, call) = bridged(&testbed, "c1", json!([port(8080, 80)]));
    make_read_only(&testbed.host, PROC_SYS);
    add(&call);
    let _server = testbed.host.serve(Traffic::Http, 8080);
    let answer = reached(&testbed.host, "127.0.0.1", 8080, "the host's own service");
    assert!(answer.starts_with("host "), "the host itself answers: {answer}");
}

fn with_route_localnet_on_for_all_interfaces_nothing_is_written_and_127_0_0_1_is_served(
    backend: &'static str,
) {
    let testbed = TrafficTestbed::new(backend);
    testbed.host.write(ALL, "1");
    let (container, call) = bridged(&testbed, "c1", json!([port(8080, 80)]));
    make_read_only(&testbed.host, PROC_SYS);
    add(&call);
    let _server = container.serve(Traffic::Http, 80);
    reached(&testbed.outside, HOST, 8080, "outside");
    reached(&testbed.host, "127.0.0.1", 8080, "the setting of all interfaces is sufficient");
    assert!(has_guard(&testbed.own_rules()), "it is guarded: {}", testbed.own_rules());
    del(&call);
    del(&call);
    assert_eq!(testbed.own_rules(), "", "DEL removes everything");
}

fn a_mapping_at_127_0_0_1_alone_is_refused_before_anything_is_changed(backend: &'static str) {
    let testbed = with_a_route(backend);
    make_read_only(&testbed.host, PROC_SYS);
    let call = testbed.runtime("c1", json!([port(8080, 80), port_at("127.0.0.1", 8081, 80)]));
    let (code, msg, _) = call.run(plugin()).error();
    assert_eq!(code, 5, "{msg}");
    let explains = ["127.0.0.1:8081", "/proc/sys", LINK, "Read-only"];
    assert!(explains.iter().all(|word| msg.contains(word)), "mapping, cause and remedy: {msg}");
    assert_eq!(testbed.own_rules(), "", "no rule was created");
    let state = "/run/mesos-cni-port-mapper";
    assert!(!testbed.host.exists(state), "nothing at all was created");
    super::del_twice_and_an_unknown_one(&call);
}

fn a_del_writes_nothing_where_the_setting_is_off_already(backend: &'static str) {
    let testbed = with_a_route(backend);
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    add(&call);
    let setting = format!("/proc/sys/net/ipv4/conf/{LINK}/route_localnet");
    testbed.host.write(&setting, "0");
    make_read_only(&testbed.host, PROC_SYS);
    super::del_twice_and_an_unknown_one(&call);
    assert_eq!(testbed.own_rules(), "", "neither rules nor the guard are left");
    assert_eq!(testbed.host.run("ls -A /run/mesos-cni-port-mapper").trim(), "lock");
}

fn a_setting_that_cannot_be_turned_off_does_not_fail_a_del_and_keeps_the_guard(
    backend: &'static str,
) {
    let testbed = with_a_route(backend);
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    add(&call);
    assert!(route_localnet(&testbed.host, LINK));
    make_read_only(&testbed.host, PROC_SYS);
    let deleted = del(&call);
    assert!(deleted.stderr.contains("cannot be set to 0"), "a warning: {}", deleted.stderr);
    super::del_twice_and_an_unknown_one(&call);
    let rules = testbed.own_rules();
    assert!(!rules.contains("10.0.0.2"), "the mapping is removed: {rules}");
    assert!(has_guard(&rules), "127.0.0.0/8 stays guarded while the setting is on: {rules}");
    add(&testbed.call("c2", &[tcp(8081, 80)]));
    del(&testbed.call("c2", &[tcp(8081, 80)]));
    make_writable(&testbed.host);
    let another = call.clone().as_verb("DEL").container_id("another");
    another.run(plugin()).expect_success();
    assert!(!route_localnet(&testbed.host, LINK), "the next DEL turns it off");
    assert_eq!(testbed.own_rules(), "", "and removes the guard");
    assert_eq!(testbed.host.run("ls -A /run/mesos-cni-port-mapper").trim(), "lock");
}

fn while_proc_sys_is_not_mounted_the_guard_stays(backend: &'static str) {
    let testbed = with_a_route(backend);
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    add(&call);
    testbed.host.run(&format!("mount -t tmpfs none {PROC_SYS}"));
    del(&call);
    let rules = testbed.own_rules();
    assert!(has_guard(&rules), "the setting may still be on: {rules}");
    make_writable(&testbed.host);
    del(&call);
    assert!(!route_localnet(&testbed.host, LINK), "it is turned off once it can be");
    assert_eq!(testbed.own_rules(), "");
}
