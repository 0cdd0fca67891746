//! A decision from a filtered listing is the same as from the complete one.

use serde_json::json;

use super::super::scope::Coverage;
use super::*;
use crate::backend::Guard;
use crate::backend::interface::Hints;
use crate::backend::iptables::desired;
use crate::backend::iptables::observed::Observed;
use crate::backend::iptables::plan::{self, KnownChains};
use crate::backend::iptables::rule::{Rule, quote};
use crate::claim::Claim;

const CHAINS: [&str; 5] = ["PREROUTING", "OUTPUT", "POSTROUTING", MASQ, "MESOS"];

fn chains(names: &[(&'static str, &str)]) -> Vec<ChainId> {
    names.iter().map(|(table, name)| ChainId { table, name: (*name).to_owned() }).collect()
}

fn nat_chains() -> Vec<ChainId> {
    chains(&CHAINS.map(|chain| ("nat", chain)))
}

/// The container `c7` has 10.0.0.7 and host port 8007; without `localhost` only at one address that
/// is not 127.0.0.1.
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

fn line(rule: &Rule) -> String {
    let mut text = format!("-A {}", rule.chain);
    for word in &rule.words {
        text.push(' ');
        assert!(quote(word, &mut text));
    }
    text + "\n"
}

/// What iptables prints for the chains of these claims, one after the other.
fn chain_listing(claims: &[Claim]) -> String {
    let mut rules = desired::network_jumps("MESOS", Family::V4);
    rules.push(desired::masquerade_jump());
    if claims.iter().any(Claim::serves_localhost) {
        rules.push(desired::localhost_jump("MESOS"));
    }
    rules.extend(claims.iter().flat_map(|claim| desired::tagged_rules(claim, Family::V4)));
    let of = |chain: &str| {
        let head = if chain == MASQ || chain == "MESOS" { "-N" } else { "-P" };
        let policy = if head == "-P" { " ACCEPT" } else { "" };
        let rules = rules.iter().filter(|rule| rule.chain == chain).map(line);
        format!("{head} {chain}{policy}\n{}", rules.collect::<String>())
    };
    CHAINS.map(of).concat()
}

/// What iptables-save prints for the same rules.
fn complete_listing(chain_listing: &str) -> Listing {
    let lines = chain_listing.lines().map(|line| match line.split_once(' ') {
        Some(("-N", chain)) => format!(":{chain} - [0:0]\n"),
        Some(("-P", chain)) => format!(":{chain} [0:0]\n"),
        _ => format!("{line}\n"),
    });
    let text = format!("*nat\n{}COMMIT\n", lines.collect::<String>());
    let (family, tables) = (Family::V4, Tables::NatAndRaw);
    Listing { family, tables, text, omitted: Omitted::default() }
}

fn listing(filter: &Filter) -> Listing {
    filter.listing(Family::V4, Tables::NatAndRaw)
}

/// Filters the listing of all chains, which is read in pieces of that many bytes.
fn filtered(text: &str, claim: &Claim, conflicts: bool, piece: usize) -> Filter {
    let mut filter = Filter::new(&Scope { claim, conflicts }, Family::V4);
    filter.begin(&nat_chains());
    text.as_bytes().chunks(piece).for_each(|bytes| filter.read(bytes));
    assert_eq!(filter.end(), CHAINS.len());
    filter
}

/// Combinations of other owners that are reached through 127.0.0.1 and owners that are not.
fn other_owners() -> Vec<Vec<Claim>> {
    let some = [vec![], vec![false], vec![true], vec![false, true], vec![true, true, false]];
    let claims = |localhost: Vec<bool>| {
        (2_u8..).zip(localhost).map(|(number, localhost)| claim(number, localhost)).collect()
    };
    some.into_iter().map(claims).collect()
}

#[test]
fn an_add_decides_the_same_without_the_rules_of_others() {
    for others in other_owners() {
        for localhost in [false, true] {
            let ours = claim(1, localhost);
            let text = chain_listing(&others);
            let install = |listing: &Listing| {
                plan::install(
                    &listing.observed(),
                    &ours,
                    KnownChains::default(),
                    Guard::AsRulesRequire,
                )
            };
            let filtered = listing(&filtered(&text, &ours, true, 7));
            let [one, other] =
                [&filtered, &complete_listing(&text)].map(|listing| install(listing).unwrap().plan);
            assert_eq!(one, other, "{text}");
            assert!(!filtered.text.contains("container_id"), "rules of others are not kept");
        }
    }
}

#[test]
fn a_del_and_a_check_decide_the_same_without_the_rules_of_others() {
    for mut others in other_owners() {
        for localhost in [false, true] {
            let ours = claim(1, localhost);
            others.insert(0, ours.clone());
            let text = chain_listing(&others);
            let complete = complete_listing(&text);
            let filtered = listing(&filtered(&text, &ours, false, 4096));
            let hints = Hints { chain: Some("MESOS".to_owned()), ..Hints::default() };
            let remove = |listing: &Listing| {
                plan::remove(
                    &listing.observed(),
                    &ours.owner,
                    Some(&ours),
                    &hints,
                    KnownChains::default(),
                )
            };
            assert_eq!(remove(&filtered), remove(&complete), "{text}");
            let check = |listing: &Listing| {
                plan::compare(&listing.observed(), &ours, KnownChains::default())
            };
            assert_eq!(check(&filtered), check(&complete), "{text}");
            let is_kept = filtered.text.contains("container_id: c2");
            assert!(!is_kept, "rules of others are not kept: {}", filtered.text);
            others.remove(0);
        }
    }
}

#[test]
fn source_nat_without_its_mapping_needs_a_complete_listing() {
    let (ours, other) = (claim(1, true), claim(2, true));
    let coverage = |text: &str, claim: &Claim| {
        let filter = filtered(text, claim, true, 64);
        let scope = Scope { claim, conflicts: true };
        let listing = listing(&filter);
        scope.coverage(&listing.observed(), &nat_chains(), CHAINS.len(), filter.has_strays())
    };
    let text = chain_listing(std::slice::from_ref(&other));
    assert_eq!(coverage(&text, &ours), Coverage::Sufficient);
    let same_port = Claim { mappings: other.mappings.clone(), ..ours.clone() };
    assert_eq!(coverage(&text, &same_port), Coverage::Sufficient, "a mapping that was kept counts");
    let stray = text.lines().filter(|line| !line.contains("DNAT --to")).collect::<Vec<_>>();
    assert_eq!(coverage(&(stray.join("\n") + "\n"), &ours), Coverage::NeedsAll);
}

#[test]
fn a_conflict_is_reported_as_from_the_complete_listing() {
    let others = [claim(2, true), claim(3, false), claim(4, true)];
    let text = chain_listing(&others);
    let mappings = others[..2].iter().flat_map(|other| other.mappings.clone()).collect();
    let ours = Claim { mappings, ..claim(1, true) };
    let error = |listing: &Listing| {
        plan::install(&listing.observed(), &ours, KnownChains::default(), Guard::AsRulesRequire)
            .unwrap_err()
            .to_string()
    };
    let filtered = listing(&filtered(&text, &ours, true, 64));
    assert_eq!(error(&filtered), error(&complete_listing(&text)));
    assert!(!filtered.text.contains("c4"), "an owner of another port is not kept");
}

#[test]
fn conflicting_rules_are_counted_once() {
    let others = [claim(2, true), claim(3, true)];
    let ours = Claim { mappings: others[0].mappings.clone(), ..claim(1, true) };
    let filtered = listing(&filtered(&chain_listing(&others), &ours, true, 64));
    let observed = filtered.observed();
    let kept = observed.nat.rules.iter().filter(|rule| rule.chain == "MESOS").count();
    assert_eq!((kept, filtered.omitted.of("MESOS").count), (1, 1));
    assert_eq!(filtered.omitted.of(MASQ).count, 4);
}

#[test]
fn a_listing_is_read_the_same_wherever_it_is_cut() {
    let ours = claim(1, true);
    let text = chain_listing(&[ours.clone(), claim(2, false)]);
    let whole = listing(&filtered(&text, &ours, true, text.len()));
    for piece in 1..300 {
        let cut = listing(&filtered(&text, &ours, true, piece));
        assert_eq!((&cut.text, &cut.omitted), (&whole.text, &whole.omitted), "pieces of {piece}");
    }
}

/// Returns how many of the requested chains were listed, and the listing.
fn read(requested: &[ChainId], text: &str) -> (usize, Listing) {
    let ours = claim(1, false);
    let mut filter = Filter::new(&Scope { claim: &ours, conflicts: true }, Family::V4);
    filter.begin(requested);
    filter.read(text.as_bytes());
    (filter.end(), listing(&filter))
}

#[test]
fn chains_with_the_same_name_are_distinguished_by_their_order() {
    let requested = chains(&[("nat", "PREROUTING"), ("raw", "PREROUTING"), ("nat", "MESOS")]);
    let text = "-P PREROUTING ACCEPT\n-A PREROUTING -j MESOS\n-P PREROUTING ACCEPT\n\
                -N MESOS\n-A MESOS -j X\n";
    let (listed, listing) = read(&requested, text);
    let observed: Observed<'_> = listing.observed();
    assert_eq!((listed, observed.nat.rules.len(), observed.raw.rules.len()), (3, 2, 0));
    assert!(observed.nat.has("MESOS") && !observed.nat.has("PREROUTING"));
}

#[test]
fn the_listing_ends_at_a_chain_that_was_not_requested() {
    let requested = chains(&[("nat", "OUTPUT"), ("nat", "MESOS")]);
    let listed = |text| read(&requested, text).0;
    assert_eq!(listed("-P OUTPUT ACCEPT\n-N OTHER\n-A OTHER -j X\n"), 1);
    assert_eq!(listed("Chain OUTPUT (policy ACCEPT)\n-P OUTPUT ACCEPT\n"), 0);
    assert_eq!(listed(""), 0);
    assert_eq!(listed("\u{fffd}\n-P OUTPUT ACCEPT"), 0);
}

#[test]
fn rules_of_other_tables_are_kept_even_with_a_tag() {
    let requested = chains(&[("raw", "PREROUTING")]);
    let rule = "-A PREROUTING -m comment --comment \"container_id: c9\" -j DROP\n";
    let (_, listing) = read(&requested, &format!("-P PREROUTING ACCEPT\n{rule}"));
    assert!(listing.text.ends_with(rule));
    assert_eq!(listing.omitted, Omitted::default());
}
