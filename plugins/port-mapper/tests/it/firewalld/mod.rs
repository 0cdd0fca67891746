//! Debian's firewalld, and the unit of the package that recreates what it removes.

mod fixture;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use cni_test_kit::{CallBuilder, TempDir, Traffic};
use serde_json::Value;

use crate::common::systemd_unit::{self, INSTALLED, Unit};
use crate::common::{HOST, del, plugin, reached, unreached};
use fixture::{Firewalld, PLACES};

fn unit() -> Unit {
    Unit::read("mesos-cni-port-mapper-firewalld.service")
}

/// Returns the backends whose rules firewalld leaves alone: all but the host's `iptables`.
fn left_alone(variant: &str) -> Vec<&'static str> {
    PLACES.into_iter().filter(|place| *place != variant).collect()
}

/// Reloads firewalld in both ways.
fn survive_reloads(backend: &str, variant: &str) -> Firewalld {
    let mut firewalld = Firewalld::new(backend, variant);
    for place in PLACES {
        firewalld.add(place, true);
    }
    firewalld.all_reached("before");
    firewalld.command("--reload");
    assert_eq!(firewalld.reached(), left_alone(variant), "without the unit");
    firewalld.start_unit(&unit());
    firewalld.all_reached("when the unit has started");
    for option in ["--reload", "--complete-reload"] {
        firewalld.command(option);
        firewalld.all_reached(option);
    }
    firewalld
}

#[test]
fn ports_survive_reloads_of_firewalld_with_nftables() {
    let firewalld = survive_reloads("nftables", "iptables-nft");
    let _server = firewalld.outside.serve(Traffic::Http, 81);
    let container = &firewalld.attached()[0].container;
    unreached(container, firewalld.outside.address(), 81, "its subnet is in no zone");
    the_remedy_of_explain_lets_packets_pass(&firewalld);
}

/// As `StrictForwardPorts=yes` of later versions, for which Debian's firewalld has no setting.
fn is_strict(firewalld: &Firewalld) {
    firewalld.host.sh("handle=$(nft --handle list chain inet firewalld filter_FORWARD |
             sed -n 's/.*ct status dnat accept # handle //p')
         nft delete rule inet firewalld filter_FORWARD handle $handle");
}

fn the_remedy_of_explain_lets_packets_pass(firewalld: &Firewalld) {
    is_strict(firewalld);
    assert_eq!(firewalld.reached(), [] as [&str; 0], "firewalld drops translated connections");
    let arguments = ["explain", "8080", "--from", firewalld.outside.address(), "--json"];
    let outcome = CallBuilder::cli(&arguments).within(&firewalld.host).run(plugin());
    let json: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
    let steps = json["paths"][0]["steps"].as_array().expect("steps");
    let failed: Vec<&Value> = steps.iter().filter(|step| step["status"] == "failed").collect();
    let [step] = failed[..] else { panic!("one step fails: {json:#}") };
    assert_eq!(step["step"], "firewall", "{json:#}");
    let commands = step["commands"].as_array().expect("commands").iter();
    let commands: Vec<&str> = commands.map(|one| one.as_str().expect("a line")).collect();
    firewalld.type_in(&commands.join("\n"));
    // The reload has brought back the rule that lets all translated connections pass.
    is_strict(firewalld);
    assert_eq!(firewalld.reached(), [PLACES[0]], "the remedy is for one container: {step:#}");
}

#[test]
fn ports_survive_reloads_and_restarts_of_firewalld_with_iptables() {
    let mut firewalld = survive_reloads("iptables", "iptables-nft");
    firewalld.stop();
    firewalld.all_reached("when firewalld has stopped");
    firewalld.start();
    firewalld.all_reached("when firewalld has started");
}

#[test]
fn ports_survive_reloads_of_firewalld_where_iptables_is_legacy() {
    survive_reloads("iptables", "iptables-legacy");
}

/// Reloads firewalld while two containers live: of one `bridge` masquerades outgoing connections,
/// of the other firewalld does. The README says what follows.
fn reload_with_masquerading(variant: &'static str) {
    let mut firewalld = Firewalld::new("nftables", variant);
    firewalld.command("--permanent --zone=trusted --add-source=10.88.0.0/16");
    let rule = "rule family=ipv4 source address=10.88.1.0/24 masquerade";
    firewalld.command(&format!("--permanent --zone=public --add-rich-rule='{rule}'"));
    firewalld.command("--reload");
    firewalld.add(variant, true);
    firewalld.add(variant, false);
    let _server = firewalld.outside.serve(Traffic::Http, 81);
    let source = |index: usize| {
        let container = &firewalld.attached()[index].container;
        reached(container, firewalld.outside.address(), 81, "from a container")
    };
    let masqueraded = format!("outside saw {HOST}");
    assert_eq!([source(0), source(1)], [masqueraded.as_str(); 2], "before");
    firewalld.command("--reload");
    firewalld.host.sh(&format!("'{}' restore", plugin().display()));
    assert_eq!(firewalld.reached().len(), 2, "both are restored");
    assert_eq!([source(0), source(1)], ["outside saw 10.88.0.2", &masqueraded]);

    let [of_bridge, of_firewalld] = [0, 1].map(|index| &firewalld.attached()[index].call);
    let (code, msg, details) = of_bridge.clone().as_verb("DEL").run(plugin()).error();
    let is_expected = |text: &str| msg.contains(text);
    assert!(is_expected("Chain 'CNI-") || is_expected("Couldn't load target `CNI-"), "{msg}");
    assert!(code == 999 && details.contains("delegate \"bridge\""), "{code} {details}");
    assert_eq!(firewalld.reached().len(), 1, "its port is not mapped any more");
    let addresses = || firewalld.host.run("find /var/lib/cni -name 10.88.*");
    assert!(!addresses().contains("10.88.0.2"), "its address is released");
    del(of_bridge);
    del(of_firewalld);
    assert_eq!(addresses(), "");
}

#[test]
fn after_a_reload_bridge_fails_its_first_del_unless_firewalld_masquerades() {
    reload_with_masquerading("iptables-nft");
}

#[test]
fn after_a_reload_bridge_fails_its_first_del_where_iptables_is_legacy() {
    reload_with_masquerading("iptables-legacy");
}

#[test]
fn the_unit_for_firewalld_gives_up_a_restore_that_fails_again_and_again() {
    let dir = TempDir::new();
    let program = |name: &str, script: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("executable");
        path
    };
    program("busctl", "case $1 in monitor) echo '{}' ;; esac");
    program("sleep", ":");
    let calls = dir.path().join("calls");
    // A loop without end would end here.
    let of_plugin = "echo \"$1\" >>\"$CALLS\"; [ \"$(wc -l <\"$CALLS\")\" -ge 20 ]";
    let plugin = program("plugin", of_plugin);
    let line = unit().value("ExecStart").replace(INSTALLED, &plugin.display().to_string());
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("export PATH=\"$PROGRAMS:$PATH\"; {line}")]);
    shell.env("PROGRAMS", dir.path()).env("CALLS", &calls);
    assert!(shell.status().expect("a shell").success(), "the unit waits for the next reason");
    let calls = std::fs::read_to_string(calls).expect("it was called");
    assert_eq!(calls, "restore\n".repeat(6));
}

#[test]
fn systemd_analyze_accepts_the_unit_for_firewalld() {
    unit().verify();
}

#[test]
fn the_unit_of_the_other_firewalls_enables_and_starts_that_for_firewalld() {
    let others = Unit::read("mesos-cni-port-mapper-restore.service");
    // `systemctl enable --now` starts only the units that it names.
    assert_eq!(others.value("Wants"), unit().name);
    let root = TempDir::new();
    let units = root.path().join("etc/systemd/system");
    std::fs::create_dir_all(&units).expect("a directory");
    for entry in std::fs::read_dir(systemd_unit::directory()).expect("a directory").flatten() {
        std::fs::copy(entry.path(), units.join(entry.file_name())).expect("copied");
    }
    let mut enable = Command::new("systemctl");
    enable.arg("--root").arg(root.path()).args(["enable", others.name]);
    let output = enable.output().expect("systemctl");
    assert!(output.status.success(), "{output:?}");
    let wanted = units.join("firewalld.service.wants").join(unit().name);
    assert!(wanted.is_symlink(), "{output:?}");
}
