//! Hosts without programs of iptables, or without the tables in the kernel.
//!
//! A module that is loaded cannot be removed by a test. Programs that report the messages of such
//! kernels stand for it; tables that nothing has created in the test's network namespace are
//! absent from the kernel in the same way. Requests to nf_tables are refused by the kernel itself.

use cni_test_kit::{CallBuilder, Fault};
use serde_json::{Value, json};

use super::del_twice_and_an_unknown_one;
use crate::behaviour::testbed::{RulesTestbed, STATE, files, port_at};
use crate::common::own_rules::{flush_firewall, own_rules};
use crate::common::{add, assert_nothing_is_left, plugin, tcp};
use crate::programs::executable;

on_both_iptables!(
    without_ip6tables_an_add_with_ipv6_is_refused_before_anything_is_changed,
    without_ip6tables_ipv4_is_mapped,
    a_kernel_without_ipv6_tables_fails_no_del_whatever_its_iptables_reports,
    rules_for_ipv6_that_no_program_can_remove_fail_a_del,
    rules_for_ipv6_that_no_program_can_remove_fail_a_del_whose_state_is_lost,
    without_ip6tables_a_del_whose_state_is_lost_removes_rules_of_ipv4,
    a_failed_listing_of_existing_rules_is_a_failed_del_and_not_an_empty_one,
    an_iptables_that_names_a_table_that_nothing_created_is_used,
    programs_that_were_removed_fail_a_del_only_while_there_are_rules,
);

/// What `ip6tables-save` reports on a kernel that lacks the table, and its exit status.
const MESSAGES: [(&str, u8); 9] = [
    (
        "ip6tables-save v1.8.9 (legacy): Cannot initialize: Table does not exist \
      (do you need to insmod?)",
        1,
    ),
    (
        "ip6tables v1.4.20: can't initialize ip6tables table `nat': Table does not exist \
      (do you need to insmod?)\\nPerhaps ip6tables or your kernel needs to be upgraded.",
        3,
    ),
    (
        "ip6tables-save v1.8.7 (legacy): Cannot initialize: ip6tables who? \
      (do you need to insmod?)",
        1,
    ),
    ("ip6tables-save v1.6.1: Cannot initialize: Address family not supported by protocol", 1),
    ("ip6tables/1.8.2 Failed to initialize nft: Protocol not supported", 1),
    ("ip6tables-save: Could not fetch rule set generation id: Invalid argument", 4),
    ("ip6tables-save v1.8.4 (nf_tables): Operation not supported", 1),
    ("", 1),
    ("a message that no version has had yet", 111),
];

/// A host on which only the programs in a directory are found.
struct Limited {
    testbed: RulesTestbed,
}

impl Limited {
    /// Returns a host with all programs of the variant, under the names of the default variant.
    fn new(backend: &'static str) -> Self {
        let limited = Self { testbed: RulesTestbed::new(backend) };
        for family in ["iptables", "ip6tables"] {
            let real = backend.replacen("iptables", family, 1);
            for program in ["", "-save", "-restore"] {
                let script = format!("exec /usr/sbin/{real}{program} \"$@\"");
                limited.program(&format!("{family}{program}"), &script);
            }
        }
        limited
    }

    fn without_ip6tables(backend: &'static str) -> Self {
        let limited = Self::new(backend);
        limited.remove_ip6tables();
        limited
    }

    fn program(&self, name: &str, script: &str) {
        let directory = self.testbed.plugins.path().join("bin");
        std::fs::create_dir_all(&directory).expect("a directory for programs");
        executable(&directory.join(name), script);
    }

    fn remove_ip6tables(&self) {
        for name in ["ip6tables", "ip6tables-save", "ip6tables-restore"] {
            let program = self.testbed.plugins.path().join("bin").join(name);
            std::fs::remove_file(program).expect(name);
        }
    }

    /// Returns an ADD in the chained position, of a container with these addresses, with a mapping
    /// at this address of the host.
    fn call(&self, addresses: &[&str], host_ip: &str) -> CallBuilder {
        let ips: Vec<_> = addresses.iter().map(|address| json!({ "address": address })).collect();
        self.testbed
            .runtime("c1", json!([port_at(host_ip, 8080, 80)]))
            .env("PATH", &self.testbed.plugins.path().join("bin").to_string_lossy())
            .key("backend", json!("iptables"))
            .key("delegate", json!(null))
            .key("cniVersion", json!("1.1.0"))
            .key("prevResult", json!({"cniVersion": "1.1.0", "ips": ips}))
    }

    fn dual_stack(&self) -> CallBuilder {
        self.call(&["10.0.0.2/24", "fd00::2/64"], "")
    }

    fn assert_no_file(&self) {
        let mut left = files(&self.testbed.host, STATE);
        left.retain(|name| name != "lock");
        assert_eq!(left, [] as [&str; 0], "no file is left");
    }
}

fn without_ip6tables_an_add_with_ipv6_is_refused_before_anything_is_changed(backend: &'static str) {
    let limited = Limited::without_ip6tables(backend);
    let call = limited.dual_stack();
    let (code, msg, details) = call.run(plugin()).error();
    assert_eq!(code, 103, "{msg}");
    let words = ["ip6tables-", "-save", "not installed", "IPv6", "hostIP"];
    assert!(words.iter().all(|word| msg.contains(word)), "what is missing, what to do: {msg}");
    assert!(!details.contains("rollback"), "the rollback succeeds: {details}");
    assert!(!limited.testbed.host.exists(STATE), "nothing was created");
    del_twice_and_an_unknown_one(&call);
    assert_eq!(limited.testbed.own_rules(), "");
}

fn without_ip6tables_ipv4_is_mapped(backend: &'static str) {
    let limited = Limited::without_ip6tables(backend);
    let only_ipv4 = limited.call(&["10.0.0.2/24"], "");
    let both = limited.call(&["10.0.0.2/24", "fd00::2/64"], "0.0.0.0");
    for call in [only_ipv4, both] {
        add(&call);
        assert!(limited.testbed.own_rules().contains("10.0.0.2:80"), "IPv4 is mapped");
        del_twice_and_an_unknown_one(&call);
        assert_eq!(limited.testbed.own_rules(), "");
    }
}

fn a_kernel_without_ipv6_tables_fails_no_del_whatever_its_iptables_reports(backend: &'static str) {
    let limited = Limited::new(backend);
    for (message, status) in MESSAGES {
        let fails =
            format!("/usr/bin/cat >/dev/null; printf '%b\\n' \"{message}\" >&2; exit {status}");
        limited.program("ip6tables-save", &fails.replace('`', "\\`"));
        limited.program("ip6tables-restore", &fails.replace('`', "\\`"));
        let call = limited.dual_stack();
        del_twice_and_an_unknown_one(&call);
        let (code, msg, details) = call.run(plugin()).error();
        assert_eq!(code, 103, "IPv6 cannot be mapped: {msg}");
        assert!(!details.contains("rollback"), "{message:?}: the rollback succeeds: {details}");
        assert_eq!(limited.testbed.own_rules(), "", "{message:?}: the ADD left no rule");
        limited.assert_no_file();
        del_twice_and_an_unknown_one(&call);
        let gc = call.clone().as_verb("GC").key("cni.dev/valid-attachments", json!([]));
        gc.run(plugin()).expect_success();
    }
}

fn rules_for_ipv6_that_no_program_can_remove_fail_a_del(backend: &'static str) {
    let limited = Limited::new(backend);
    let call = limited.dual_stack();
    add(&call);
    limited.remove_ip6tables();
    let (code, msg, _) = call.clone().as_verb("DEL").run(plugin()).error();
    assert_eq!(code, 11, "its rules are still there: {msg}");
    assert!(msg.contains("ip6tables-"), "the message names the program: {msg}");
    flush_firewall(&limited.testbed.host, backend);
    if backend == "iptables-nft" {
        // The legacy variant's table stays until its module is removed.
        del_twice_and_an_unknown_one(&call);
        assert_nothing_is_left(&limited.testbed.host);
    }
}

fn rules_for_ipv6_that_no_program_can_remove_fail_a_del_whose_state_is_lost(backend: &'static str) {
    let limited = Limited::new(backend);
    let call = limited.dual_stack();
    add(&call);
    limited.testbed.host.run(&format!("rm -r {STATE}"));
    limited.remove_ip6tables();
    let complete = limited.testbed.own_rules();
    for _ in 0..2 {
        let outcome = call.clone().as_verb("DEL").run(plugin());
        assert!(!outcome.status.success(), "left: {}", limited.testbed.own_rules());
        let (code, msg, _) = outcome.error();
        assert_eq!(code, 11, "its rules are still there: {msg}");
        for part in ["ip6tables-", "not installed", "still has rules of container c1 "] {
            assert!(msg.contains(part), "{part}: {msg}");
        }
        assert_eq!(limited.testbed.own_rules(), complete, "nothing was removed");
    }
    let unknown = limited.call(&["10.0.0.3/24"], "").container_id("unknown");
    unknown.as_verb("DEL").run(plugin()).expect_success();
}

fn without_ip6tables_a_del_whose_state_is_lost_removes_rules_of_ipv4(backend: &'static str) {
    let limited = Limited::without_ip6tables(backend);
    let call = limited.call(&["10.0.0.2/24"], "");
    add(&call);
    limited.testbed.host.run(&format!("rm -r {STATE}"));
    del_twice_and_an_unknown_one(&call);
    assert_eq!(limited.testbed.own_rules(), "");
}

fn a_failed_listing_of_existing_rules_is_a_failed_del_and_not_an_empty_one(backend: &'static str) {
    let limited = Limited::new(backend);
    let call = limited.call(&["10.0.0.2/24"], "");
    add(&call);
    // Without its state, all rules are listed.
    limited.testbed.host.run(&format!("rm -r {STATE}"));
    for (script, words) in [
        ("echo 'out of luck' >&2; exit 1", "listing rules failed (exit status: 1): out of luck"),
        (
            "echo \"# Table \\`nat' is incompatible, use 'nft' tool.\"",
            "table nat contains rules made by nft",
        ),
    ] {
        limited.program("iptables-save", script);
        let (code, msg, _) = call.clone().as_verb("DEL").run(plugin()).error();
        assert_eq!(code, 11, "its rules are still there: {msg}");
        assert!(msg.contains(words), "the message of the program: {msg}");
    }
    assert!(limited.testbed.own_rules().contains("10.0.0.2"), "nothing was removed");
}

fn an_iptables_that_names_a_table_that_nothing_created_is_used(backend: &'static str) {
    let limited = Limited::new(backend);
    let real = backend.replacen("iptables", "ip6tables", 1);
    // As iptables-nft 1.8.2, which cannot list single chains of it either.
    let listing = format!("/usr/sbin/{real}-save \"$@\"");
    let names = format!(
        "{listing} | /usr/bin/grep -q '^-A' && exec {listing}
         echo \"Table 'nat' does not exist\"; exit 1"
    );
    limited.program("ip6tables-save", &names);
    let restore = format!(
        "input=$(/usr/bin/cat); case $input in *-S\\ *) exit 1 ;; esac
         echo \"$input\" | /usr/sbin/{real}-restore \"$@\""
    );
    limited.program("ip6tables-restore", &restore);
    let call = limited.dual_stack();
    del_twice_and_an_unknown_one(&call);
    add(&call);
    assert!(limited.testbed.own_rules().contains("fd00::2/128"), "IPv6 is mapped");
    del_twice_and_an_unknown_one(&call);
    assert_eq!(limited.testbed.own_rules(), "");
}

fn programs_that_were_removed_fail_a_del_only_while_there_are_rules(backend: &'static str) {
    let testbed = RulesTestbed::new(backend);
    let call = testbed.call("c1", &[tcp(8080, 80)]);
    add(&call);
    let without = call.clone().env("PATH", "/nowhere");
    let (code, msg, _) = without.clone().as_verb("DEL").run(plugin()).error();
    assert_eq!(code, 11, "its rules are still there: {msg}");
    assert!(msg.contains("not installed"), "{msg}");
    if backend == "iptables-nft" {
        testbed.host.run("nft flush ruleset");
        del_twice_and_an_unknown_one(&without);
        assert_nothing_is_left(&testbed.host);
    }
}

#[test]
fn a_kernel_without_nf_tables_fails_no_del_and_no_call_of_iptables_legacy() {
    let testbed = RulesTestbed::new("iptables-nft");
    let mappings = json!([{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]);
    let call = |verb: &str, configured: &Value| {
        let call = testbed.runtime("c1", mappings.clone()).key("backend", configured.clone());
        call.as_verb(verb).run_with_fault(plugin(), 1, Fault::NoNfTables).outcome
    };
    for configured in [json!(null), json!("iptables"), json!("iptables-nft"), json!("nftables")] {
        let call = |verb: &str| call(verb, &configured);
        let (code, msg, details) = call("ADD").error();
        assert_eq!(code, 103, "{configured}: {msg}");
        assert!(!details.contains("rollback"), "{configured}: {details}");
        for _ in 0..2 {
            call("DEL").expect_success();
        }
    }
    assert_eq!(testbed.own_rules(), "");
    let legacy = || own_rules(&testbed.host, "iptables-legacy");
    for verb in ["ADD", "DEL", "DEL"] {
        call(verb, &json!("iptables-legacy")).expect_success();
        assert_eq!(legacy().contains("container_id: c1 "), verb == "ADD", "{verb}: {}", legacy());
    }
}
