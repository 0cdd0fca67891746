//! The commands for administrators.

use std::process::Output;

use crate::common::*;
use cni_test_kit::{Host, Traffic};
use serde_json::Value;

use crate::common::own_rules::{NFTABLES, flush_firewall, listing};

fn command(host: &Host, args: &[&str]) -> Output {
    host.command(plugin()).args(args).env_remove("CNI_COMMAND").output().expect("it starts")
}

fn printed(host: &Host, args: &[&str]) -> String {
    let output = command(host, args);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{args:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

fn json(host: &Host, args: &[&str]) -> Value {
    serde_json::from_str(&printed(host, args)).unwrap_or_else(|why| panic!("{args:?}: {why}"))
}

#[test]
fn list_prints_mapped_ports_and_their_owners() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    assert_eq!(printed(&host, &["list"]), "no host ports are mapped\n");
    add(&fake_container(&host, &dir, &network, "c1", &[tcp(8080, 80)]));
    add(&fake_container(&host, &dir, &network, "without-ports", &[]));
    let text = printed(&host, &["list"]);
    assert!(
        text.contains("tcp host port 8080 to container port 80") && text.contains("container c1"),
        "{text}"
    );
    assert!(!text.contains("without-ports"), "{text}");
    let list = json(&host, &["list", "--json"]);
    assert_eq!(list[0]["owner"]["containerId"], "c1");
    assert_eq!(list[0]["mapping"]["hostPort"], 8080);
    assert_eq!(list[0]["live"], true);
}

#[test]
fn restore_restores_traffic_after_a_firewall_reload_and_changes_nothing_otherwise() {
    for backend in [BACKENDS[0], BACKENDS[1], NFTABLES] {
        let host = Host::new();
        let outside = host.neighbour("outside", "203.0.113.1/24", "203.0.113.9/24");
        let container = host.container("c1");
        let mut network = example_network(&[]);
        network["backend"] = backend.into();
        add(&mesos(&network, &container, &[tcp(8080, 80)]));
        let _server = container.serve(Traffic::Http, 80);
        let before = listing(&host, backend);
        printed(&host, &["restore"]);
        assert_eq!(listing(&host, backend), before, "{backend}: nothing was missing");
        flush_firewall(&host, backend);
        unreached(&outside, HOST, 8080, "the reload removed the rules");
        let restored = json(&host, &["restore", "--json"]);
        assert_eq!(restored["restored"][0]["containerId"], "c1", "{restored}");
        for (place, address) in [(&*outside, HOST), (&*host, "127.0.0.1"), (&*container, HOST)] {
            reached(place, address, 8080, &format!("{backend}: restored"));
        }
    }
}

#[test]
fn gc_removes_only_containers_without_a_namespace_and_restore_skips_them() {
    let host = Host::new();
    let (dir, network) = scripted("10.0.0.2/24");
    let [dead, live] = ["dead", "live"].map(|name| host.container(name));
    let call = |name: &str, port| {
        let netns = format!("/run/netns/{name}");
        fake_container(&host, &dir, &network, name, &[tcp(port, 80)]).netns(&netns)
    };
    add(&call(dead.name(), 8080));
    add(&call(live.name(), 8081));
    dead.delete();
    assert!(printed(&host, &["list"]).contains("gone"));
    host.run("iptables -t nat -F");
    assert_eq!(json(&host, &["restore", "--json"])["restored"].as_array().map(Vec::len), Some(1));
    let removed = json(&host, &["gc", "--json"]);
    assert_eq!(removed["removed"][0]["containerId"], "dead", "{removed}");
    assert_eq!(dnat(&host).len(), 1, "the live one's rule stays");
    assert_eq!(printed(&host, &["gc"]), "nothing to remove\n");
}

#[test]
fn doctor_succeeds_or_reports_what_is_missing() {
    let host = Host::new();
    for backend in ["iptables-nft", "iptables-legacy", "nftables"] {
        let report = json(&host, &["doctor", "--json", "--backend", backend]);
        assert_eq!(report["ok"], true, "{report}");
    }
    let (failed, text) = doctor_without_programs(&host, "--backend iptables");
    assert!(failed && text.contains("failed") && text.contains("install iptables"), "{text}");
    let (failed, text) = doctor_without_programs(&host, "");
    assert!(!failed && text.contains("nf_tables of Linux"), "the default needs none: {text}");
}

fn doctor_without_programs(host: &Host, args: &str) -> (bool, String) {
    let script = format!("mkdir -p /run/nothing; PATH=/run/nothing; exec \"$0\" doctor {args}");
    let output =
        host.command("sh").args(["-c", &script]).arg(plugin()).output().expect("it starts");
    (output.status.code() == Some(1), String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn doctor_reports_what_the_kernel_refuses() {
    let host = Host::new();
    let args = "--bounding-set=-net_admin --inh-caps=-net_admin";
    let script = format!("exec setpriv {args} \"$0\" doctor --backend nftables");
    let output =
        host.command("sh").args(["-c", &script]).arg(plugin()).output().expect("it starts");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("failed  nftables:") && text.contains("CAP_NET_ADMIN"), "{text}");
}

#[test]
fn doctor_reports_that_the_comment_match_is_missing() {
    let host = Host::new();
    let library = host.sh("dirname $(find /usr/lib -name libxt_comment.so | head -n 1)");
    let library = library.trim();
    host.sh(&format!(
        "mkdir /run/x && cp -r {library}/. /run/x && rm /run/x/libxt_comment.so &&
         mount --bind /run/x {library}"
    ));
    let output = command(&host, &["doctor"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("xt_comment"), "{text}");
}

#[test]
fn a_mistyped_command_is_reported_and_fails() {
    let host = Host::new();
    for (args, part) in [
        (["lst"].as_slice(), "\"lst\" is not a command"),
        (&["list", "--foo"], "--foo"),
        (&["doctor", "--backend", "pf"], "\"pf\" is not a backend"),
    ] {
        let output = command(&host, args);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(stderr.contains(part) && stderr.contains("Usage:"), "{stderr}");
    }
    assert!(printed(&host, &["--help"]).starts_with("Usage:"));
    assert!(printed(&host, &["--version"]).starts_with("mesos-cni-port-mapper "));
}
