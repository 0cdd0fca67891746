//! The table: what stands in it whoever is mapped.
//!
//! A packet to this host meets one chain for each network and never anybody's mapping: where it leads is one lookup by
//! protocol and port, and whether its source address is rewritten is another one. Whose a host port is stands in maps
//! that no rule refers to. They lead to the chain of the owner's network, so the kernel counts its users; and since it
//! looks through all elements that rules can lead by to a chain whenever one is added, such elements are nowhere else.

use std::net::{IpAddr, Ipv4Addr};

use cni_netlink::nftables::{
    BaseChain, Chain, ChainType, Field, Hook, Op, Operand, Rule, Selector, Statement, Table,
    Verdict,
};

use crate::claim::Cidr;

/// The table of both families.
const TABLE: &str = "mesos-cni-port-mapper";
/// Chain that leads to the chains of the networks.
pub(super) const HOST_PORTS: &str = "hostports";
/// Chain that leads to the chains by which networks find out whose source address is rewritten.
pub(super) const SOURCES: &str = "sources";
/// Chain that keeps 127.0.0.0/8 out of reach for others while `route_localnet` is on.
pub(super) const GUARD: &str = "guard";
const PREROUTING: &str = "prerouting";
const OUTPUT: &str = "output";
const POSTROUTING: &str = "postrouting";

/// The table, by its name.
pub(in crate::backend) fn table() -> Table {
    Table::inet(TABLE)
}

/// The chains that stand as long as anybody is mapped.
pub(super) fn chains() -> [Chain; 5] {
    let nat = |name: &str, hook, priority| {
        Chain::base(name, BaseChain::new(ChainType::Nat, hook, priority))
    };
    [
        Chain::regular(HOST_PORTS),
        Chain::regular(SOURCES),
        nat(PREROUTING, Hook::Prerouting, -100),
        nat(OUTPUT, Hook::Output, -100),
        nat(POSTROUTING, Hook::Postrouting, 100),
    ]
}

/// The chain that stands once anybody is to be reached by 127.0.0.1. It comes before all tracking.
pub(super) fn guard() -> Chain {
    Chain::base(GUARD, BaseChain::new(ChainType::Filter, Hook::Prerouting, -300))
}

/// Whether the chain is one of these, and not of a network.
pub(super) fn is_standing(chain: &str) -> bool {
    [HOST_PORTS, SOURCES, GUARD, PREROUTING, OUTPUT, POSTROUTING].contains(&chain)
}

/// The rules of [`chains`].
pub(super) fn rules() -> [Rule; 3] {
    let jump = |chain, when, to: &str| {
        Rule::new(chain, [when, Statement::Verdict(Verdict::Jump(to.to_owned()))])
    };
    [
        // Transit traffic is never touched.
        jump(PREROUTING, Statement::FibDaddrLocal, HOST_PORTS),
        jump(OUTPUT, Statement::FibDaddrLocal, HOST_PORTS),
        jump(POSTROUTING, Statement::CtStatusDnat, SOURCES),
    ]
}

/// The rules of [`guard`]: with `route_localnet` the kernel no longer drops these packets itself.
pub(super) fn guard_rules() -> [Rule; 2] {
    [Selector::IpDaddr, Selector::IpSaddr].map(|address| {
        let outside = Statement::Match {
            left: Selector::Iifname,
            op: Op::Ne,
            right: Field::Ifname("lo".into()).into(),
        };
        Rule::new(GUARD, [is_loopback(address), outside, Statement::Verdict(Verdict::Drop)])
    })
}

/// The address is one of those by which a host calls itself.
pub(super) fn is_loopback(address: Selector) -> Statement {
    let right = Operand::Prefix(Field::Ipv4(Ipv4Addr::new(127, 0, 0, 0)), 8);
    Statement::Match { left: address, op: Op::Eq, right }
}

/// The address is of the subnet.
pub(super) fn is_in(address: Selector, subnet: &Cidr) -> Statement {
    let first = match subnet.address {
        IpAddr::V4(address) => Field::Ipv4(address),
        IpAddr::V6(address) => Field::Ipv6(address),
    };
    let right = Operand::Prefix(first, subnet.prefix());
    Statement::Match { left: address, op: Op::Eq, right }
}
