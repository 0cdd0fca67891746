//! One host port has one owner, whichever two backends its containers use.

use super::programs::{record_and_fail, runs};
use super::{Alternatives, LEGACY, NFT, PLACES};
use crate::common::{add, del, plugin};
use cni_test_kit::CallBuilder;
use serde_json::{Value, json};

/// Every two places, in both orders.
fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    let pairs = PLACES.into_iter().flat_map(|one| PLACES.map(|other| (one, other)));
    pairs.filter(|(one, other)| one != other)
}

/// Returns an ADD to a network of its own chain and these keys.
fn call(host: &Alternatives, id: &str, backend: &str, chain: &str, snat: bool) -> CallBuilder {
    let call = host.call(id, 8080).key("backend", json!(backend));
    call.key("chain", json!(chain)).key("snat", json!(snat))
}

fn one_owner(snat: bool) {
    for (first, second) in pairs() {
        let host = Alternatives::new(NFT, Value::Null);
        let one = call(&host, "c1", first, "OTHER-ONE", snat);
        let two = call(&host, "c2", second, "OTHER-TWO", snat);
        add(&one);
        let outcome = two.run(plugin());
        assert!(!outcome.status.success(), "{first}, then {second}: the port has two owners");
        let (code, msg, _) = outcome.error();
        assert_eq!(code, 105, "{first}, then {second}: {msg}");
        assert!(msg.contains("container c1 "), "{first}, then {second}: {msg}");
        del(&one);
        add(&two);
        assert_eq!(host.places_of("c2"), [second], "{first} is free again");
        del(&two);
        host.assert_nothing_is_left();
    }
}

#[test]
fn a_host_port_has_one_owner_in_any_two_backends_in_any_order() {
    one_owner(true);
}

#[test]
fn a_host_port_has_one_owner_in_any_two_backends_without_source_nat() {
    one_owner(false);
}

/// Returns an ADD of a container with this address only.
fn at(host: &Alternatives, id: &str, backend: &str, address: &str) -> CallBuilder {
    let result = json!({"cniVersion": "1.1.0", "ips": [{ "address": address }]});
    call(host, id, backend, &format!("OTHER-{id}"), true)
        .key("delegate", json!(null))
        .key("prevResult", result)
}

#[test]
fn containers_without_a_family_in_common_share_a_host_port_in_any_two_backends() {
    for (first, second) in PLACES.into_iter().flat_map(|one| PLACES.map(|other| (one, other))) {
        for (one, other) in [("fd00::2/64", "10.0.0.2/24"), ("10.0.0.2/24", "fd00::2/64")] {
            let host = Alternatives::new(NFT, Value::Null);
            let calls = [at(&host, "c1", first, one), at(&host, "c2", second, other)];
            // The second time, everything is in scope.
            for _ in 0..2 {
                for call in &calls {
                    let outcome = call.run(plugin());
                    let refused = &outcome.stdout;
                    assert!(outcome.status.success(), "{first} {one}, {second} {other}: {refused}");
                }
            }
            assert_eq!((host.places_of("c1"), host.places_of("c2")), (vec![first], vec![second]));
            calls.iter().for_each(|call| drop(del(call)));
            host.assert_nothing_is_left();
        }
    }
}

#[test]
fn a_container_that_no_longer_exists_is_replaced_in_any_two_backends() {
    for (first, second) in pairs() {
        let host = Alternatives::new(NFT, Value::Null);
        let container = host.host().container("deleted");
        let dead = call(&host, "deleted", first, "OTHER-ONE", false).netns(&container.netns());
        add(&dead);
        container.delete();
        let next = call(&host, "next", second, "OTHER-TWO", false);
        add(&next);
        assert_eq!(host.places_of("deleted"), [] as [&str; 0], "{first}, then {second}");
        assert_eq!(host.places_of("next"), [second]);
        del(&next);
        host.assert_nothing_is_left();
    }
}

#[test]
fn rules_of_other_programs_are_no_reason_to_run_another_variant() {
    for (variant, backends) in [(NFT, ["nftables", LEGACY]), (LEGACY, ["nftables", NFT])] {
        others_do_not_matter(variant, backends);
    }
}

fn others_do_not_matter(variant: &str, backends: [&str; 2]) {
    let host = Alternatives::new(NFT, Value::Null);
    let rules: String = (0..500)
        .map(|n| format!("-A KUBE-SERVICES -p tcp -m tcp --dport {n} -j KUBE-SEP\n"))
        .collect();
    let text = format!(
        "*nat\n:KUBE-SERVICES - [0:0]\n:KUBE-SEP - [0:0]\n:DOCKER - [0:0]\n\
         -A PREROUTING -m comment --comment portals -j KUBE-SERVICES\n\
         -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n{rules}\
         -A DOCKER -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:80\nCOMMIT\n"
    );
    host.host().write("/run/others", &text);
    host.host().sh(&format!("{variant}-restore --noflush </run/others"));
    record_and_fail(&host, variant);
    let call = |backend: &str| host.call("c1", 8080).key("backend", json!(backend));
    for backend in backends {
        let one = call(backend);
        add(&one);
        del(&one);
        assert_eq!(runs(&host), "", "{backend}: {variant} was run");
    }
    call(variant).run(plugin()).error();
    assert_ne!(runs(&host), "", "a call that needs {variant} runs its recording programs");
}

#[test]
fn an_add_in_one_backend_creates_no_table_of_another() {
    let host = Alternatives::new(NFT, Value::Null);
    for backend in [NFT, "nftables"] {
        let call = host.call("c1", 8080).key("backend", json!(backend));
        add(&call);
        del(&call);
        del(&call);
        super::gc(&call).expect_success();
        let tables = host.host().sh("cat /proc/net/ip_tables_names /proc/net/ip6_tables_names \
                                     2>/dev/null || :");
        assert_eq!(tables, "", "{backend}: listing the legacy tables would create them");
    }
    add(&host.call("c1", 8080).key("backend", json!(LEGACY)));
    let tables = host.host().read("/proc/net/ip_tables_names");
    assert!(tables.contains("nat"), "a table that is created is named there: {tables}");
}
