//! A kernel without connection tracking over netlink.

use cni_test_kit::Fault;
use serde_json::json;

use crate::behaviour::testbed::RulesTestbed;
use crate::common::{assert_nothing_is_left, plugin};

on_every_backend!(
    without_nf_conntrack_netlink_udp_is_mapped_and_unmapped_and_a_warning_says_what_is_missing,
);

fn without_nf_conntrack_netlink_udp_is_mapped_and_unmapped_and_a_warning_says_what_is_missing(
    backend: &'static str,
) {
    let testbed = RulesTestbed::new(backend);
    let udp = json!([{"hostPort": 5300, "containerPort": 53, "protocol": "udp"}]);
    let call = testbed.runtime("c1", udp);
    for verb in ["ADD", "DEL", "DEL"] {
        let called = call.clone().as_verb(verb).run_with_fault(plugin(), 1, Fault::NoConntrack);
        called.outcome.clone().expect_success();
        let warned = called.outcome.stderr.contains("module nf_conntrack_netlink");
        let is_asked = called.at.is_some();
        assert!(is_asked || verb == "DEL", "{verb}: the kernel is asked for flows");
        assert_eq!(warned, is_asked, "{verb}: a warning where it matters: {}", called.outcome);
        let rules = testbed.own_rules();
        assert_eq!(rules.contains("10.0.0.2"), verb == "ADD", "{verb}: {rules}");
    }
    assert_nothing_is_left(&testbed.host);
}
