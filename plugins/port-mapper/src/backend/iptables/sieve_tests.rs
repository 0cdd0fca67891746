//! What is left of a listing is enough: a decision upon it is the one upon the whole listing.

use serde_json::json;

use super::super::plan::{self, Scope};
use super::super::rules::{self, Line};
use super::super::save::Listing;
use super::super::view::{Next, Place, View};
use super::super::words::quote;
use super::*;
use crate::backend::Hints;
use crate::claim::Claim;

const CHAINS: [&str; 5] = ["PREROUTING", "OUTPUT", "POSTROUTING", MASQ, "MESOS"];

fn places(names: &[(&'static str, &str)]) -> Vec<Place> {
    names.iter().map(|(table, chain)| (*table, (*chain).to_owned())).collect()
}

fn nat() -> Vec<Place> {
    places(&CHAINS.map(|chain| ("nat", chain)))
}

/// The container `c7` has 10.0.0.7 and host port 8007; only at one address when it is not to be reached by 127.0.0.1.
fn claim(number: u8, localhost: bool) -> Claim {
    let claim = json!({
        "version": 1,
        "owner": { "network": "net", "containerId": format!("c{number}"), "ifname": "eth0" },
        "chain": "MESOS",
        "snat": true,
        "addresses": [format!("10.0.0.{number}/24")],
        "mappings": [{
            "protocol": "tcp",
            "hostPort": 8000 + u16::from(number),
            "containerPort": 80,
            "hostIP": if localhost { "" } else { "203.0.113.1" },
        }],
    });
    serde_json::from_value(claim).unwrap()
}

fn tell(line: &Line) -> String {
    let mut text = format!("-A {}", line.chain);
    for word in &line.words {
        text.push(' ');
        assert!(quote(word, &mut text));
    }
    text + "\n"
}

/// What iptables says of the chains that all these claims need, chain by chain.
fn said(claims: &[Claim]) -> String {
    let mut lines = rules::jumps("MESOS", Family::V4);
    lines.push(rules::masquerade_jump());
    if claims.iter().any(Claim::serves_localhost) {
        lines.push(rules::localhost_jump("MESOS"));
    }
    lines.extend(claims.iter().flat_map(|claim| rules::owned(claim, Family::V4)));
    let of = |chain: &str| {
        let head = if chain == MASQ || chain == "MESOS" { "-N" } else { "-P" };
        let policy = if head == "-P" { " ACCEPT" } else { "" };
        let rules = lines.iter().filter(|line| line.chain == chain).map(tell);
        format!("{head} {chain}{policy}\n{}", rules.collect::<String>())
    };
    CHAINS.map(of).concat()
}

/// The same as iptables-save would say it.
fn saved(said: &str) -> String {
    let lines = said.lines().map(|line| match line.split_once(' ') {
        Some(("-N", chain)) => format!(":{chain} - [0:0]\n"),
        Some(("-P", chain)) => format!(":{chain} [0:0]\n"),
        _ => format!("{line}\n"),
    });
    format!("*nat\n{}COMMIT\n", lines.collect::<String>())
}

fn sift(said: &str, claim: &Claim, conflicts: bool, piece: usize) -> Sifted {
    let mut sieve = Sieve::new(&View { claim, conflicts }, Family::V4);
    sieve.ask(&nat());
    said.as_bytes().chunks(piece).for_each(|bytes| sieve.take(bytes));
    assert_eq!(sieve.end(), CHAINS.len());
    sieve.sifted()
}

fn nobody_is_stale(_: &crate::owner::Owner) -> bool {
    false
}

/// Every mixture of neighbours that are reached by 127.0.0.1 and such that are not.
fn neighbourhoods() -> Vec<Vec<Claim>> {
    let some = [vec![], vec![false], vec![true], vec![false, true], vec![true, true, false]];
    let claims = |kinds: Vec<bool>| {
        (2_u8..).zip(kinds).map(|(number, localhost)| claim(number, localhost)).collect()
    };
    some.into_iter().map(claims).collect()
}

#[test]
fn an_add_decides_the_same_without_the_rules_of_others() {
    for others in neighbourhoods() {
        for localhost in [false, true] {
            let ours = claim(1, localhost);
            let (text, said) = (saved(&said(&others)), said(&others));
            let whole = Listing::parse(&text);
            let install = |listing: &Listing<'_>| {
                plan::install(listing, Scope::All, Family::V4, &ours, &nobody_is_stale).unwrap()
            };
            let sifted = sift(&said, &ours, true, 7);
            assert_eq!(install(&sifted.listing()).plan, install(&whole).plan, "{said}");
            assert!(!sifted.text.contains("container_id"), "rules of others are not kept");
        }
    }
}

#[test]
fn a_del_and_a_check_decide_the_same_without_the_rules_of_others() {
    for mut others in neighbourhoods() {
        for localhost in [false, true] {
            let ours = claim(1, localhost);
            others.insert(0, ours.clone());
            let (text, said) = (saved(&said(&others)), said(&others));
            let whole = Listing::parse(&text);
            let sifted = sift(&said, &ours, false, 4096);
            let hints = Hints { chain: Some("MESOS".to_owned()), ..Hints::default() };
            let remove = |listing: &Listing<'_>| {
                plan::remove(listing, Scope::All, Family::V4, &ours.owner, &hints)
            };
            assert_eq!(remove(&sifted.listing()), remove(&whole), "{said}");
            let check =
                |listing: &Listing<'_>| plan::compare(listing, Scope::All, Family::V4, &ours);
            assert_eq!(check(&sifted.listing()), check(&whole), "{said}");
            others.remove(0);
        }
    }
}

#[test]
fn source_nat_that_has_lost_its_port_asks_for_a_full_listing() {
    let (ours, other) = (claim(1, true), claim(2, true));
    let next = |said: &str, claim: &Claim| {
        let view = View { claim, conflicts: true };
        view.next(&sift(said, claim, true, 64).listing(), &nat(), CHAINS.len(), Family::V4)
    };
    let said = said(std::slice::from_ref(&other));
    assert_eq!(next(&said, &ours), Next::Decide);
    let same_port = Claim { mappings: other.mappings.clone(), ..ours.clone() };
    assert_eq!(next(&said, &same_port), Next::Decide, "a port that was kept is not lost");
    let stray = said.lines().filter(|line| !line.contains("DNAT --to")).collect::<Vec<_>>();
    assert_eq!(next(&(stray.join("\n") + "\n"), &ours), Next::Everything);
}

#[test]
fn a_conflict_is_told_in_the_words_of_the_whole_listing() {
    let others = [claim(2, true), claim(3, false), claim(4, true)];
    let said = said(&others);
    let mappings = others[..2].iter().flat_map(|other| other.mappings.clone()).collect();
    let ours = Claim { mappings, ..claim(1, true) };
    let told = |listing: &Listing<'_>| {
        let refused =
            plan::install(listing, Scope::All, Family::V4, &ours, &nobody_is_stale).unwrap_err();
        refused.to_string()
    };
    let sifted = sift(&said, &ours, true, 64);
    assert_eq!(told(&sifted.listing()), told(&Listing::parse(&saved(&said))));
    assert!(!sifted.text.contains("c4"), "who takes another port is not kept");
}

#[test]
fn rules_in_the_way_are_counted_once() {
    let others = [claim(2, true), claim(3, true)];
    let ours = Claim { mappings: others[0].mappings.clone(), ..claim(1, true) };
    let sifted = sift(&said(&others), &ours, true, 64);
    let kept = sifted.listing().nat.rules.iter().filter(|rule| rule.chain == "MESOS").count();
    assert_eq!((kept, sifted.others.in_chain("MESOS")), (1, 1));
    assert_eq!(sifted.others.in_chain(MASQ), 4);
}

#[test]
fn wherever_an_answer_is_cut_it_is_read_the_same() {
    let ours = claim(1, true);
    let said = said(&[ours.clone(), claim(2, false)]);
    let whole = sift(&said, &ours, true, said.len());
    for piece in 1..300 {
        let cut = sift(&said, &ours, true, piece);
        assert_eq!((&cut.text, &cut.others), (&whole.text, &whole.others), "in pieces of {piece}");
    }
}

fn read(asked: &[Place], said: &str) -> (usize, Sifted) {
    let ours = claim(1, false);
    let mut sieve = Sieve::new(&View { claim: &ours, conflicts: true }, Family::V4);
    sieve.ask(asked);
    sieve.take(said.as_bytes());
    (sieve.end(), sieve.sifted())
}

#[test]
fn chains_of_one_name_are_told_apart_by_their_order() {
    let asked = places(&[("nat", "PREROUTING"), ("raw", "PREROUTING"), ("nat", "MESOS")]);
    let said = "-P PREROUTING ACCEPT\n-A PREROUTING -j MESOS\n-P PREROUTING ACCEPT\n-N MESOS\n-A MESOS -j X\n";
    let (listed, sifted) = read(&asked, said);
    let listing = sifted.listing();
    assert_eq!((listed, listing.nat.rules.len(), listing.raw.rules.len()), (3, 2, 0));
    assert!(listing.nat.has("MESOS") && !listing.nat.has("PREROUTING"));
}

#[test]
fn what_was_not_asked_for_ends_the_reading() {
    let asked = places(&[("nat", "OUTPUT"), ("nat", "MESOS")]);
    let listed = |said| read(&asked, said).0;
    assert_eq!(listed("-P OUTPUT ACCEPT\n-N OTHER\n-A OTHER -j X\n"), 1);
    assert_eq!(listed("Chain OUTPUT (policy ACCEPT)\n-P OUTPUT ACCEPT\n"), 0);
    assert_eq!(listed(""), 0);
    assert_eq!(listed("\u{fffd}\n-P OUTPUT ACCEPT"), 0);
}

#[test]
fn tags_in_other_tables_are_not_ours_to_judge() {
    let asked = places(&[("raw", "PREROUTING")]);
    let rule = "-A PREROUTING -m comment --comment \"container_id: c9\" -j DROP\n";
    let (_, sifted) = read(&asked, &format!("-P PREROUTING ACCEPT\n{rule}"));
    assert!(sifted.text.ends_with(rule));
    assert_eq!(sifted.others, Others::default());
}
