//! Chains and rules of other programs, such as the original port mapper.

use std::cell::RefCell;
use std::rc::Rc;

use async_std::task::block_on;
use cni_wrapper::Attachment;
use port_mapper::backend::{
    Backend, ChainNote, ChainOrigin, ChainRecord, ExistingRules, Guard, Hints,
};
use port_mapper::claim::Claim;
use port_mapper::error::Error;
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

/// A record of chains that knows no claims.
#[derive(Debug, Default)]
struct Record(RefCell<Vec<ChainNote>>);

impl ChainRecord for Record {
    fn read(&self) -> Result<Vec<ChainNote>, Error> {
        Ok(self.0.borrow().clone())
    }

    fn write(&self, notes: &[ChainNote]) -> Result<(), Error> {
        self.0.replace(notes.to_vec());
        Ok(())
    }

    fn is_claimed(&self, _chain: &str, _except: Option<&Attachment>) -> bool {
        false
    }
}

impl Record {
    /// Returns the families of the chains that were found, and of those that we make.
    fn families(&self) -> [Vec<Family>; 2] {
        let notes = self.0.borrow();
        let is_found = |note: &&ChainNote| matches!(note.origin, ChainOrigin::Found { .. });
        let (found, made): (Vec<_>, Vec<_>) = notes.iter().partition(is_found);
        [found, made].map(|notes| notes.iter().map(|note| note.family).collect())
    }
}

#[test]
fn a_chain_that_was_found_is_left_as_it_was() {
    on_chains_of_others(|fixture, before, name| {
        let record = Rc::new(Record::default());
        let backend = || {
            let backend = fixture.backend();
            backend.record_chains_in(record.clone());
            backend
        };
        for claim in [one("c1", 80), one("c2", 81)] {
            let guard = Guard::AsRulesRequire;
            block_on(backend().install(&claim, ExistingRules::OfClaim, guard)).unwrap();
            assert_eq!(record.families(), [[Family::V4], [Family::V6]], "{name}");
        }
        for id in ["c1", "c2"] {
            block_on(backend().remove(&one(id, 80).owner, None, &Hints::default())).unwrap();
        }
        assert_eq!(fixture.snapshot(), before, "{name}");
        assert_eq!(record.0.borrow()[..], [], "{name}");
    });
}

#[test]
fn a_chain_that_was_found_is_left_as_it_was_when_its_last_owner_moves() {
    on_chains_of_others(|fixture, before, name| {
        let record = Rc::new(Record::default());
        let backend = fixture.backend();
        backend.record_chains_in(record.clone());
        let elsewhere = Claim { chain: "ELSEWHERE".to_owned(), ..one("c1", 80) };
        for claim in [&one("c1", 80), &elsewhere] {
            let guard = Guard::AsRulesRequire;
            block_on(backend.install(claim, ExistingRules::Any, guard)).unwrap();
        }
        assert_eq!(record.families(), [vec![], Family::ALL.to_vec()], "{name}");
        block_on(backend.remove(&elsewhere.owner, None, &Hints::default())).unwrap();
        assert_eq!(fixture.snapshot(), before, "{name}");
        assert_eq!(record.0.borrow()[..], [], "{name}");
    });
}
