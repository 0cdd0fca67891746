//! The variant that the host calls `iptables` changes while containers are running.

use serde_json::{Value, json};

use super::{Alternatives, LEGACY, NFT, gc, text};
use crate::behaviour::checks::check;
use crate::behaviour::testbed::STATE;
use crate::common::{add, del, plugin};

/// Runs a test for both directions and for both ways to use the default variant.
fn each(test: impl Fn(Alternatives, &'static str, &'static str)) {
    for (before, after) in [(NFT, LEGACY), (LEGACY, NFT)] {
        for configured in [Value::Null, json!("iptables")] {
            test(Alternatives::new(before, configured), before, after);
        }
    }
}

/// Makes the state files those of an earlier version, which noted `iptables` for any variant.
fn forget_variants(host: &Alternatives) {
    host.host().sh(&format!("sed -i 's/\"iptables-[a-z]*\"/\"iptables\"/' {STATE}/*.json"));
    assert_eq!(host.noted(), "iptables");
}

#[test]
fn the_state_file_names_the_variant_that_was_used() {
    each(|host, before, _| {
        add(&host.call("c1", 8080));
        assert_eq!(host.noted(), before);
        assert_eq!(host.places_of("c1"), [before]);
    });
}

#[test]
fn del_after_a_switch_removes_all_rules_with_and_without_the_state_file() {
    each(|host, before, after| {
        for lose_state in [false, true] {
            host.switch(before);
            let call = host.call("c1", 8080);
            add(&call);
            host.switch(after);
            if lose_state {
                host.host().sh(&format!("rm -r {STATE}"));
            }
            del(&call);
            assert_eq!(host.places_of("c1"), [] as [&str; 0], "{before}, lost: {lose_state}");
            if !lose_state {
                host.assert_nothing_is_left();
            }
        }
    });
}

#[test]
fn del_after_a_switch_removes_the_rules_of_a_claim_of_an_earlier_version() {
    each(|host, _, after| {
        let call = host.call("c1", 8080);
        add(&call);
        forget_variants(&host);
        host.switch(after);
        del(&call);
        host.assert_nothing_is_left();
    });
}

#[test]
fn gc_after_a_switch_removes_all_rules_with_and_without_state_files() {
    each(|host, before, after| {
        for lose_state in [false, true] {
            host.switch(before);
            let call = host.call("c1", 8080);
            add(&call);
            host.switch(after);
            if lose_state {
                host.host().sh(&format!("rm -r {STATE}"));
            }
            gc(&call).expect_success();
            assert_eq!(host.places_of("c1"), [] as [&str; 0], "{before}, lost: {lose_state}");
        }
    });
}

#[test]
fn the_command_gc_after_a_switch_removes_all_rules_of_a_deleted_container() {
    each(|host, _, after| {
        let container = host.host().container("deleted");
        add(&host.call("deleted", 8080).netns(&container.netns()));
        container.delete();
        host.switch(after);
        let output = host.command(&["gc"]);
        assert!(output.status.success(), "{}", text(&output));
        host.assert_nothing_is_left();
    });
}

#[test]
fn check_after_a_switch_compares_the_rules_where_they_are() {
    each(|host, before, after| {
        let call = host.call("c1", 8080);
        add(&call);
        host.switch(after);
        check(&call).expect_success();
        forget_variants(&host);
        check(&call).expect_success();
        host.host().run(&format!("{before} -w -t nat -F PREROUTING"));
        let (code, msg, _) = check(&call).error();
        assert!(code == 103 && msg.contains("missing: -A PREROUTING"), "{code}: {msg}");
    });
}

#[test]
fn restore_after_a_switch_creates_the_rules_once_and_where_del_finds_them() {
    each(|host, before, after| {
        let call = host.call("c1", 8080);
        add(&call);
        host.switch(after);
        let complete = sorted(&host.rules(before));
        for damage in ["-t nat -F PREROUTING", "-t nat -F OUTPUT", "-V"] {
            host.host().run(&format!("{before} {damage}"));
            let output = host.command(&["restore"]);
            assert!(output.status.success(), "{}", text(&output));
            assert_eq!(host.places_of("c1"), [before], "{damage}");
            assert_eq!(sorted(&host.rules(before)), complete, "{damage}");
            if damage == "-t nat -F OUTPUT" {
                forget_variants(&host);
            }
        }
        del(&call);
        host.assert_nothing_is_left();
    });
}

fn sorted(rules: &str) -> Vec<String> {
    let mut lines: Vec<String> = rules.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn an_add_that_is_repeated_after_a_switch_moves_the_rules() {
    each(|host, _, after| {
        for forget in [false, true] {
            let call = host.call("c1", 8080);
            add(&call);
            if forget {
                forget_variants(&host);
            }
            host.switch(after);
            add(&call);
            assert_eq!((host.places_of("c1"), host.noted()), (vec![after], json!(after)));
        }
        del(&host.call("c1", 8080));
        host.assert_nothing_is_left();
    });
}

#[test]
fn the_port_of_a_container_from_before_the_switch_is_refused() {
    each(|host, _, after| {
        add(&host.call("c1", 8080));
        host.switch(after);
        let (code, msg, _) = host.call("c2", 8080).run(plugin()).error();
        assert!(code == 105 && msg.contains("container c1 "), "{code}: {msg}");
    });
}
