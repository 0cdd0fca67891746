//! Debian's firewalld, and the unit of the package that recreates what it removes.

mod fixture;

use cni_test_kit::Traffic;

use crate::common::systemd_unit::Unit;
use crate::common::{HOST, del, plugin, reached};
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
    survive_reloads("nftables", "iptables-nft");
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

/// What the README says about a delegate whose rules are flushed, and its remedy.
fn masquerade_again(variant: &'static str) {
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
    assert_eq!([source(0), source(1)], [masqueraded.as_str(); 2], "by bridge, and by firewalld");

    firewalld.command("--reload");
    firewalld.host.sh(&format!("'{}' restore", plugin().display()));
    assert_eq!(firewalld.reached().len(), 2, "both are restored");
    assert_eq!([source(0), source(1)], ["outside saw 10.88.0.2", &masqueraded]);
    let [of_bridge, of_firewalld] = [0, 1].map(|index| &firewalld.attached()[index].call);
    let (_, msg, details) = of_bridge.clone().as_verb("DEL").run(plugin()).error();
    println!("{msg} {details}");
    assert!(details.contains("\"bridge\""), "{msg} {details}");
    assert_eq!(firewalld.reached().len(), 1, "its port is not mapped any more");
    del(of_bridge);
    del(of_firewalld);
    let left = firewalld.host.run("find /var/lib/cni -name 10.88.*");
    assert_eq!(left, "", "both addresses are released");
}

#[test]
fn after_a_reload_bridge_fails_its_first_del_unless_firewalld_masquerades() {
    masquerade_again("iptables-nft");
}
#[test]
fn after_a_reload_bridge_fails_its_first_del_unless_firewalld_masquerades2() {
    masquerade_again("iptables-legacy");
}

#[test]
fn systemd_analyze_accepts_the_unit_for_firewalld() {
    unit().verify();
}
