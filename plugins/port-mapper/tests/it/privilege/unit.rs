//! The systemd unit of the package.

use std::path::Path;
use std::process::Command;

use cni_test_kit::{Host, TempDir, Traffic};
use serde_json::json;

use super::IPTABLES;
use crate::common::own_rules::flush_firewall;
use crate::common::{HOST, add, example_network, mesos, plugin, reached, tcp, unreached};

const UNIT: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../dist/systemd/mesos-cni-port-mapper-restore.service"
));
const NAME: &str = "mesos-cni-port-mapper-restore.service";

/// Returns the value of a key in the unit.
fn value(key: &str) -> &'static str {
    let of = |line: &'static str| line.strip_prefix(key)?.strip_prefix('=');
    UNIT.lines().find_map(of).unwrap_or_else(|| panic!("no {key} in the unit"))
}

#[test]
fn systemd_analyze_accepts_the_unit() {
    let dir = TempDir::new();
    // A link, since spaces in a path would have to be escaped.
    let program = dir.path().join("mesos-cni-port-mapper");
    std::os::unix::fs::symlink(plugin(), &program).expect("a link");
    let text = UNIT.replace("/usr/lib/cni/mesos-cni-port-mapper", &program.display().to_string());
    let path = dir.path().join(NAME);
    std::fs::write(&path, text).expect("written");
    let verified = Command::new("systemd-analyze").arg("verify").arg(&path).output();
    let verified = verified.expect("systemd-analyze runs");
    let stderr = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && stderr.is_empty(), "{stderr}");
}

/// Runs the command with no more privileges than the unit grants.
#[test]
fn the_command_of_the_unit_restores_traffic_after_the_firewall_was_flushed() {
    assert_eq!(value("ExecStart"), value("ExecReload"));
    let capabilities: String = value("CapabilityBoundingSet")
        .split(' ')
        .map(|name| format!(",+{}", name.trim_start_matches("CAP_").to_lowercase()))
        .collect();
    let program = plugin().display().to_string();
    let (path, args) = value("ExecStart").split_once(' ').expect("a command");
    assert_eq!(Path::new(path).file_name(), Path::new(&program).file_name());
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
        host.sh(&format!(
            "setpriv --no-new-privs --bounding-set -all{capabilities} '{program}' {args}"
        ));
        reached(&outside, HOST, 8080, backend);
        reached(&host, "127.0.0.1", 8080, backend);
    }
}
