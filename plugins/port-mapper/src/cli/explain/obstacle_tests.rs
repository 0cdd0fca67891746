//! Rules of iptables at each hook, for a connection from outside and one of this host itself.

use super::*;
use crate::cli::explain::hooks::{Connection, passages};
use crate::cli::explain::listing::Listing;
use crate::cli::explain::packet::{Interface, samples};

const CLIENT: &str = "203.0.113.9";

fn outside() -> Connection {
    Connection {
        asked: Some([203, 0, 113, 1].into()),
        outside: Interface(Some("eth0".to_owned())),
        back: Interface(Some("eth0".to_owned())),
        ..samples::connection(Some(CLIENT))
    }
}

fn local() -> Connection {
    Connection {
        is_local: true,
        asked: Some([127, 0, 0, 1].into()),
        outside: Interface::none(),
        back: Interface(Some("lo".to_owned())),
        is_rewritten: Some(true),
        ..samples::connection(Some("127.0.0.1"))
    }
}

/// Returns what lines of a table do, among which `P CHAIN` is a policy that drops.
fn found(connection: &Connection, place: Place, table: &str, lines: &str) -> Option<Obstacle> {
    const CHAINS: [&str; 5] = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"];
    let drops = |chain: &str| lines.lines().any(|line| line == format!("P {chain}"));
    let chains = CHAINS
        .map(|chain| format!(":{chain} {} [0:0]\n", if drops(chain) { "DROP" } else { "ACCEPT" }));
    let rules = lines.lines().filter(|line| line.starts_with("-A"));
    let text = [
        &[format!("*{table}\n")],
        chains.as_slice(),
        &rules.map(|line| format!("{line}\n")).collect::<Vec<_>>(),
    ]
    .concat()
    .concat();
    let listing = Listing::new("iptables-nft", text + "COMMIT\n");
    let firewall = Firewall { listings: vec![listing], ..Firewall::default() };
    let passages = passages(connection);
    obstacle(&firewall, passages.iter().filter(|one| one.place == place), &|address| {
        address == IpAddr::from([10, 0, 0, 9])
    })
}

#[test]
fn each_rule_that_drops_is_named_with_the_packets_and_the_hook() {
    for (connection, table, lines, words) in [
        (outside(), "raw", "-A PREROUTING -p tcp --dport 8080 -j DROP", "packets to … prerouting"),
        (outside(), "mangle", "-A PREROUTING -i eth0 -j DROP", "packets to … prerouting"),
        (outside(), "filter", "P FORWARD", "packets to … forward"),
        (outside(), "mangle", "-A FORWARD -d 10.0.0.2/32 -j DROP", "packets to … forward"),
        (outside(), "security", "-A FORWARD -p tcp --dport 80 -j DROP", "packets to … forward"),
        (outside(), "mangle", "-A POSTROUTING -o br0 -j DROP", "packets to … postrouting"),
        (outside(), "filter", "P FORWARD\n-A FORWARD -o br0 -j ACCEPT", "answers … forward"),
        (
            outside(),
            "filter",
            "-A FORWARD -m state --state ESTABLISHED -j DROP",
            "answers … forward",
        ),
        (outside(), "filter", "-A FORWARD -i br0 -o eth0 -j DROP", "answers … forward"),
        (outside(), "raw", "-A PREROUTING -i br0 -j DROP", "answers … prerouting"),
        (outside(), "raw", "-A PREROUTING -i br0 -j CT --notrack", "answers … tracked"),
        (outside(), "mangle", "-A POSTROUTING -o eth0 -j DROP", "answers … postrouting"),
        (outside(), "mangle", "-A POSTROUTING -p tcp --sport 80 -j DROP", "answers … postrouting"),
        (
            outside(),
            "filter",
            "P FORWARD\n-A FORWARD -i br0 -j ACCEPT\n-A FORWARD -m state --state NEW -j ACCEPT",
            "packets after the first … forward",
        ),
        (
            outside(),
            "nat",
            "-A POSTROUTING -o br0 -j SNAT --to-source 10.0.0.9",
            "packets to … 10.0.0.9 … do not pass this host",
        ),
        (local(), "filter", "P OUTPUT", "packets to … output"),
        (local(), "raw", "-A OUTPUT -p tcp --dport 8080 -j DROP", "packets to … output"),
        (local(), "filter", "-A OUTPUT -o lo -p tcp --dport 80 -j DROP", "packets to … output"),
        (local(), "mangle", "-A POSTROUTING -o br0 -j DROP", "packets to … postrouting"),
        (local(), "filter", "P INPUT\n-A INPUT -i lo -j ACCEPT", "answers … input"),
        (local(), "filter", "-A INPUT -d 127.0.0.0/8 ! -i lo -j DROP", "answers … input"),
        (local(), "mangle", "-A PREROUTING -i br0 -j DROP", "answers … prerouting"),
    ] {
        let found = found(&connection, Place::Host, table, lines);
        let Some(found) = found.filter(|one| one.is_certain) else { panic!("{table}: {lines}") };
        let mut rest = &*found.message;
        for word in words.split(" … ") {
            let at = rest.find(word).unwrap_or_else(|| panic!("{word}: {}", found.message));
            rest = &rest[at..];
        }
    }
}

#[test]
fn rules_for_other_packets_are_no_obstacle() {
    for (connection, table, lines) in [
        (outside(), "raw", "-A PREROUTING -p tcp --dport 80 -j DROP"),
        (outside(), "filter", "P INPUT\nP OUTPUT"),
        (outside(), "filter", "-A FORWARD -p tcp --dport 8080 -j DROP"),
        (outside(), "filter", "-A FORWARD -m conntrack --ctstate INVALID -j DROP"),
        (outside(), "filter", "P FORWARD\n-A FORWARD -m conntrack --ctstate DNAT -j ACCEPT"),
        (
            outside(),
            "filter",
            "P FORWARD\n-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n\
             -A FORWARD -o br0 -m conntrack --ctstate NEW -j ACCEPT",
        ),
        (outside(), "nat", "-A POSTROUTING -o br0 -j MASQUERADE"),
        (outside(), "nat", "-A POSTROUTING -o br0 -j SNAT --to-source 203.0.113.1"),
        (outside(), "nat", "-A POSTROUTING -o eth0 -j SNAT --to-source 10.0.0.9"),
        (local(), "filter", "P FORWARD\nP INPUT\n-A INPUT -m state --state ESTABLISHED -j ACCEPT"),
        (local(), "filter", "-A OUTPUT -p tcp --dport 8080 -j DROP"),
        (local(), "raw", "-A PREROUTING -d 127.0.0.0/8 ! -i lo -j DROP"),
    ] {
        assert_eq!(found(&connection, Place::Host, table, lines), None, "{table}: {lines}");
    }
}

#[test]
fn what_may_drop_is_not_certain() {
    for (connection, lines) in [
        (outside(), "-A FORWARD -m length --length 1:20 -j DROP"),
        (outside(), "-A FORWARD -i br0 -p tcp --dport 40000:65535 -j DROP"),
        (local(), "-A INPUT -m set --match-set bad src -j DROP"),
        (samples::connection(None), "-A FORWARD -o eth0 -j DROP"),
    ] {
        let found = found(&connection, Place::Host, "filter", lines);
        assert!(found.is_some_and(|found| !found.is_certain), "{lines}");
    }
}

#[test]
fn the_containers_rules_see_another_connection() {
    let inside = |table, lines| found(&outside(), Place::Container, table, lines);
    for lines in [
        "-A INPUT -i eth0 -p tcp --dport 80 -j DROP",
        "-A INPUT -m conntrack --ctstate NEW -s 203.0.113.9/32 -j DROP",
        "P OUTPUT",
        "-A OUTPUT -m conntrack --ctstate ESTABLISHED -p tcp --sport 80 -j DROP",
        "P INPUT\n-A INPUT -m conntrack --ctstate DNAT -j ACCEPT",
    ] {
        assert!(inside("filter", lines).is_some_and(|found| found.is_certain), "{lines}");
    }
    assert_eq!(inside("filter", "P FORWARD\n-A INPUT -p tcp --dport 8080 -j DROP"), None);
    let redirected = inside("nat", "-A PREROUTING -p tcp -j REDIRECT --to-ports 15006");
    assert!(redirected.is_some_and(|found| !found.is_certain), "as a service mesh does");
}

#[test]
fn a_remedy_for_a_policy_accepts_what_the_chain_sees() {
    let remedy = |connection: &Connection, place, table, lines| {
        found(connection, place, table, lines).expect("it drops").remedy
    };
    assert_eq!(
        remedy(&local(), Place::Host, "filter", "P INPUT"),
        "iptables-nft -t filter -I INPUT -m conntrack --ctstate DNAT -j ACCEPT"
    );
    assert_eq!(
        remedy(&outside(), Place::Host, "mangle", "P PREROUTING"),
        "iptables-nft -t mangle -I PREROUTING -p tcp --dport 8080 -j ACCEPT"
    );
    assert_eq!(
        remedy(&outside(), Place::Container, "filter", "P INPUT"),
        "iptables-nft -t filter -I INPUT -p tcp --dport 80 -j ACCEPT"
    );
    assert_eq!(
        remedy(&outside(), Place::Container, "filter", "P OUTPUT"),
        "iptables-nft -t filter -I OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT"
    );
}
