//! The systemd unit for firewalls that are services.

use cni_test_kit::{Host, Traffic};
use serde_json::json;

use super::IPTABLES;
use crate::common::own_rules::flush_firewall;
use crate::common::systemd_unit::Unit;
use crate::common::{HOST, add, example_network, mesos, reached, tcp, unreached};

fn unit() -> Unit {
    Unit::read("mesos-cni-port-mapper-restore.service")
}

#[test]
fn systemd_analyze_accepts_the_unit() {
    unit().verify();
}

/// Runs the command with no more privileges than the unit grants.
#[test]
fn the_command_of_the_unit_restores_traffic_after_the_firewall_was_flushed() {
    assert_eq!(unit().value("ExecStart"), unit().value("ExecReload"));
    let command = unit().command("ExecStart");
    for backend in [IPTABLES[0], IPTABLES[1], "nftables"] {
        let host = Host::new();
        let outside = host.neighbour("outside", &format!("{HOST}/24"), "203.0.113.9/24");
        let container = host.container("c1");
        let mut network = example_network(&[]);
        network["backend"] = json!(backend);
        add(&mesos(&network, &container, &[tcp(8080, 80)]));
        let _server = container.serve(Traffic::Http, 80);
        reached(&outside, HOST, 8080, "mapped");
        flush_firewall(&host, backend);
        unreached(&outside, HOST, 8080, "the rules were removed");
        host.sh(&command);
        reached(&outside, HOST, 8080, backend);
        reached(&host, "127.0.0.1", 8080, backend);
    }
}
