//! Chains and rules of other programs, such as the original port mapper.

use async_std::task::block_on;
use port_mapper::backend::{Backend, ExistingRules, Guard, Hints};
use port_mapper::claim::Claim;
use port_mapper::family::Family;

use super::fixture::{Fixture, on_both, one};

#[test]
fn rules_of_the_original_are_removed_with_their_chain() {
    on_both(|fixture| {
        let before = fixture.snapshot();
        for command in [
            "-N MESOS",
            "-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS",
            "-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS",
            "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MESOS",
            "-A MESOS ! -i mesos-cni0 -p tcp -m tcp --dport 8080 \
             -j DNAT --to-destination 10.9.8.7:80 -m comment --comment 'container_id: c1'",
            "-A MESOS -p tcp -m tcp --dport 8081 \
             -j DNAT --to-destination 10.9.8.8:80 -m comment --comment 'container_id: c10'",
        ] {
            fixture.iptables(&format!("-w -t nat {command}"));
        }
        fixture.remove(&one("c1", 1).owner);
        assert!(!fixture.snapshot().contains("\"container_id: c1\""));
        assert!(fixture.snapshot().contains("\"container_id: c10\""));
        fixture.remove(&one("c10", 1).owner);
        assert_eq!(fixture.snapshot(), before);
    });
}

/// A chain of another program, by the commands that create it and how it is used.
const OTHERS: [(&str, &[&str]); 4] = [
    ("an empty one without jumps", &[]),
    (
        "an empty one with jumps",
        &[
            "-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS",
            "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MESOS",
        ],
    ),
    (
        "one with rules and a jump",
        &["-A MESOS -i eth9 -j RETURN", "-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS"],
    ),
    (
        "one with a jump for 127.0.0.1",
        &[
            "-A PREROUTING -m addrtype --dst-type LOCAL -j MESOS",
            "-A OUTPUT -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j MESOS",
        ],
    ),
];

/// Runs a test on each chain of another program, with the rules before the chain was used.
fn on_chains_of_others(test: impl Fn(&Fixture, &str, &str)) {
    for (name, rules) in OTHERS {
        on_both(|fixture| {
            fixture.iptables("-t nat -N MESOS");
            rules.iter().for_each(|rule| drop(fixture.iptables(&format!("-t nat {rule}"))));
            test(fixture, &fixture.snapshot(), name);
        });
    }
}

#[test]
fn a_chain_that_was_found_is_left_as_it_was() {
    on_chains_of_others(|fixture, before, name| {
        let first = fixture.install(&one("c1", 80)).unwrap();
        let found: Vec<_> = first.found_chains.iter().map(|found| found.family).collect();
        assert_eq!(found, [Family::V4], "{name}");
        assert_eq!(first.created_chains, [Family::V6], "{name}");
        let backend = fixture.backend();
        backend.keep_chains(first.found_chains.clone());
        let c2 = one("c2", 81);
        let second =
            block_on(backend.install(&c2, ExistingRules::OfClaim, Guard::AsRulesRequire)).unwrap();
        assert_eq!((second.found_chains.len(), second.created_chains.len()), (0, 0), "{name}");
        for id in ["c1", "c2"] {
            let backend = fixture.backend();
            backend.keep_chains(first.found_chains.clone());
            block_on(backend.remove(&one(id, 80).owner, None, &Hints::default())).unwrap();
        }
        assert_eq!(fixture.snapshot(), before, "{name}");
    });
}

#[test]
fn a_chain_that_was_found_is_left_as_it_was_when_its_last_owner_moves() {
    on_chains_of_others(|fixture, before, name| {
        let first = fixture.install(&one("c1", 80)).unwrap();
        let backend = fixture.backend();
        backend.keep_chains(first.found_chains);
        let elsewhere = Claim { chain: "ELSEWHERE".to_owned(), ..one("c1", 80) };
        block_on(backend.install(&elsewhere, ExistingRules::Any, Guard::AsRulesRequire)).unwrap();
        fixture.remove(&elsewhere.owner);
        assert_eq!(fixture.snapshot(), before, "{name}");
    });
}
