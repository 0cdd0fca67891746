//! A state directory that cannot be created or used.

use cni_test_kit::Fault;
use serde_json::json;

use super::{del_twice_and_an_unknown_one, make_read_only};
use crate::behaviour::testbed::{NFTABLES, RulesTestbed, STATE};
use crate::common::own_rules::flush_firewall;
use crate::common::{add, del, plugin, take_precedence, tcp};

on_every_backend!(
    a_del_succeeds_where_the_missing_state_directory_cannot_be_created,
    with_a_read_only_run_a_del_of_what_was_never_mapped_succeeds,
    a_del_succeeds_where_the_state_directory_is_one_that_is_refused,
    rules_are_removed_although_the_state_is_lost_and_its_directory_cannot_be_created,
    a_read_only_state_directory_fails_only_the_del_of_an_attachment_that_has_a_file_in_it,
    gc_succeeds_where_the_state_directory_is_one_that_is_refused,
);

fn a_del_succeeds_where_the_missing_state_directory_cannot_be_created(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let mapped = testbed.call("c1", &[tcp(8080, 80)]);
    let unmapped = testbed.call("c2", &[]);
    // `/proc` is no place for directories, and `/sys` is not writable.
    for directory in ["/run/read-only/state", "/proc/state", "/sys/state"] {
        testbed.host.sh("mkdir -p /run/read-only; mount -t tmpfs -o ro none /run/read-only");
        let [mapped, unmapped] =
            [&mapped, &unmapped].map(|call| call.clone().key("stateDir", json!(directory)));
        del_twice_and_an_unknown_one(&unmapped);
        add(&unmapped);
        del_twice_and_an_unknown_one(&unmapped);
        let (code, msg, _) = mapped.run(plugin()).error();
        assert_eq!(code, 5, "a mapping needs the state: {msg}");
        assert_eq!(testbed.own_rules(), "", "{directory}: the ADD left nothing");
        del_twice_and_an_unknown_one(&mapped);
        testbed.host.run("umount /run/read-only");
    }
}

/// Without the state it is unknown which backend made the rules. One that cannot be opened for lack
/// of file descriptors may have made them.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_del_that_lacks_file_descriptors_never_succeeds_while_rules_are_left() {
    take_precedence();
    let testbed = RulesTestbed::new(NFTABLES);
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    let emfile = Fault::Fail(rustix::io::Errno::MFILE.raw_os_error());
    let mut faults = 0;
    for number in 1.. {
        add(&call);
        testbed.host.run(&format!("rm -r {STATE}"));
        let deleted = call.clone().as_verb("DEL").run_with_fault(plugin(), number, emfile);
        if deleted.outcome.code() == Some(0) {
            assert_eq!(testbed.own_rules(), "", "{deleted}: {}", deleted.outcome);
        }
        if deleted.at.is_none() {
            break;
        }
        faults += 1;
    }
    assert!(faults > 2, "{faults} system calls failed");
}

fn with_a_read_only_run_a_del_of_what_was_never_mapped_succeeds(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    make_read_only(&testbed.host, "/run");
    del_twice_and_an_unknown_one(&testbed.call("c1", &[tcp(8080, 80)]));
    let unmapped = testbed.call("c2", &[]);
    add(&unmapped);
    del_twice_and_an_unknown_one(&unmapped);
    let gc = unmapped.as_verb("GC").key("cni.dev/valid-attachments", json!([]));
    gc.run(plugin()).expect_success();
}

fn a_del_succeeds_where_the_state_directory_is_one_that_is_refused(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let refused = [
        ("a file", "touch $state", "rm $state"),
        ("another user's", "mkdir $state; chown 4711 $state", "rmdir $state"),
        ("a link", "mkdir /run/target; ln -s target $state", "rm $state"),
    ];
    for (name, make, remove) in refused {
        testbed.host.sh(&format!("state={STATE}; {make}"));
        let call = testbed.call("c1", &[tcp(8080, 80)]);
        let (code, msg, _) = call.run(plugin()).error();
        assert_eq!(code, 5, "{name}: {msg}");
        del_twice_and_an_unknown_one(&call);
        testbed.host.sh(&format!("state={STATE}; {remove}"));
    }
}

fn rules_are_removed_although_the_state_is_lost_and_its_directory_cannot_be_created(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    testbed.host.sh("mkdir /run/place; mount -t tmpfs none /run/place");
    let call = testbed.call("c1", &[tcp(8080, 80)]).key("stateDir", json!("/run/place/state"));
    add(&call);
    testbed.host.sh("umount /run/place; mount -t tmpfs -o ro none /run/place");
    del_twice_and_an_unknown_one(&call);
    assert_eq!(testbed.own_rules(), "", "no setting was enabled, so the guard goes as well");
}

fn a_read_only_state_directory_fails_only_the_del_of_an_attachment_that_has_a_file_in_it(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    add(&call);
    make_read_only(&testbed.host, STATE);
    let (code, msg, _) = call.clone().as_verb("DEL").run(plugin()).error();
    assert_eq!(code, 11, "its own file cannot be removed: {msg}");
    assert!(msg.contains(STATE), "the message names it: {msg}");
    let unknown = call.clone().as_verb("DEL").container_id("unknown");
    unknown.run(plugin()).expect_success();
    testbed.host.run(&format!("umount {STATE}"));
    del(&call);
    assert_eq!(testbed.own_rules(), "");
}

fn gc_succeeds_where_the_state_directory_is_one_that_is_refused(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    add(&call);
    testbed.host.sh(&format!("rm -r {STATE}; touch {STATE}"));
    let gc = call.clone().as_verb("GC").key("cni.dev/valid-attachments", json!([]));
    gc.run(plugin()).expect_success();
    assert!(!testbed.own_rules().contains("10.0.0.2"), "{}", testbed.own_rules());
    flush_firewall(&testbed.host, backend);
}
