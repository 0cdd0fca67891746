//! Who has which host ports, and conflicts about them.

use async_std::task::block_on;
use port_mapper::backend::Backend;
use port_mapper::claim::Claim;
use port_mapper::family::Family;
use serde_json::json;

use super::fixture::{claim, on_both, one};

#[test]
fn a_host_port_in_another_networks_chain_conflicts_even_without_jumps_to_that_chain() {
    on_both(|fixture| {
        let elsewhere = Claim { chain: "NEXT".to_owned(), ..one("c1", 80) };
        fixture.install(&elsewhere).unwrap();
        fixture.install(&one("c9", 79)).unwrap();
        for damage in ["", "-t nat -F PREROUTING", "-t nat -F OUTPUT"] {
            if !damage.is_empty() {
                fixture.iptables(damage);
            }
            let error = fixture.install(&one("c2", 80)).unwrap_err();
            assert!(error.to_string().contains("belongs to container c1"), "{damage}: {error}");
        }
    });
}

#[test]
fn a_conflict_in_either_family_is_refused_before_anything_is_changed() {
    on_both(|fixture| {
        let six = json!([{"hostPort": 80, "containerPort": 80, "hostIP": "::", "protocol": "tcp"}]);
        fixture.install(&claim("c1", six)).unwrap();
        let before = fixture.snapshot();
        let error = fixture.install(&one("c2", 80)).unwrap_err();
        assert_eq!(error.code(), 105);
        assert!(error.to_string().contains("belongs to container c1 (network mesos"), "{error}");
        assert_eq!(fixture.snapshot(), before);
    });
}

#[test]
fn the_host_ports_of_every_owner_are_listed() {
    on_both(|fixture| {
        fixture.install(&one("c1", 80)).unwrap();
        fixture.install(&one("c2", 81)).unwrap();
        let mut all = block_on(fixture.backend().owned_ports()).unwrap();
        all.retain(|owned| owned.chain == "MESOS");
        let lines: Vec<String> = all
            .iter()
            .map(|owned| {
                let (ports, target) = &owned.ports[0];
                format!("{} {} {} {target}", owned.family, owned.owner, ports.first)
            })
            .collect();
        assert_eq!(
            lines,
            [
                "IPv4 container c1 (network mesos, interface eth0) 80 192.168.0.2:80",
                "IPv4 container c2 (network mesos, interface eth0) 81 192.168.0.2:80",
                "IPv6 container c1 (network mesos, interface eth0) 80 [fd00:2::2]:80",
                "IPv6 container c2 (network mesos, interface eth0) 81 [fd00:2::2]:80",
            ]
        );
        assert_eq!(all[0].family, Family::V4);
        let readiness = block_on(fixture.backend().ready()).unwrap();
        assert!(
            readiness.version.starts_with("iptables v") && readiness.ipv6.is_ok(),
            "{readiness:?}"
        );
    });
}
