//! The table, and the chains and rules in it that do not belong to a network.
//!
//! A packet to this host traverses one chain per network, however many mappings exist. One lookup
//! by protocol and port finds its target, and a second one whether its source address is rewritten.
//!
//! The owners of host ports are in maps that no rule refers to. Their elements lead to the chain of
//! the owner's network, so the kernel counts how many elements need it. No map that a rule does
//! refer to leads to chains: whenever an element is added to such a map, the kernel follows all of
//! its elements.

use std::net::{IpAddr, Ipv4Addr};

use cni_netlink::nftables::{
    BaseChain, Chain, ChainType, Field, Hook, Op, Operand, Rule, Selector, Statement, Table,
    Verdict,
};

use crate::claim::Cidr;

/// Name of the table, which both families share.
const TABLE: &str = "mesos-cni-port-mapper";
/// The chain that jumps to the networks' chains.
pub(in crate::backend) const HOST_PORTS: &str = "hostports";
/// The chain that jumps to the networks' chains that rewrite source addresses.
pub(super) const SOURCES: &str = "sources";
/// The chain that protects 127.0.0.0/8 from other hosts while `route_localnet` is on.
pub(super) const GUARD: &str = "guard";
const PREROUTING: &str = "prerouting";
const OUTPUT: &str = "output";
const POSTROUTING: &str = "postrouting";

/// Returns the table's name and family.
pub(crate) fn table() -> Table {
    Table::inet(TABLE)
}

/// Returns the chains that exist as long as there is a mapping.
pub(super) fn shared_chains() -> [Chain; 5] {
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

/// Returns the rules of [`shared_chains`].
pub(super) fn shared_rules() -> [Rule; 3] {
    let jump = |chain, when, to: &str| {
        Rule::new(chain, [when, Statement::Verdict(Verdict::Jump(to.to_owned()))])
    };
    [
        // Forwarded traffic is never touched.
        jump(PREROUTING, Statement::FibDaddrLocal, HOST_PORTS),
        jump(OUTPUT, Statement::FibDaddrLocal, HOST_PORTS),
        jump(POSTROUTING, Statement::CtStatusDnat, SOURCES),
    ]
}

/// Returns the chain that exists once a container is reached through 127.0.0.1. It precedes
/// connection tracking.
pub(super) fn guard_chain() -> Chain {
    Chain::base(GUARD, BaseChain::new(ChainType::Filter, Hook::Prerouting, -300))
}

/// Returns the rules of [`guard_chain`]. They drop what the kernel itself drops while
/// `route_localnet` is off.
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

/// Reports whether the chain is one of the above, and not a network's.
pub(super) fn is_shared(chain: &str) -> bool {
    [HOST_PORTS, SOURCES, GUARD, PREROUTING, OUTPUT, POSTROUTING].contains(&chain)
}

/// Matches a loopback address of IPv4.
pub(super) fn is_loopback(address: Selector) -> Statement {
    let right = Operand::Prefix(Field::Ipv4(Ipv4Addr::new(127, 0, 0, 0)), 8);
    Statement::Match { left: address, op: Op::Eq, right }
}

/// Matches an address of the subnet.
pub(super) fn is_in(address: Selector, subnet: &Cidr) -> Statement {
    let first = match subnet.address {
        IpAddr::V4(address) => Field::Ipv4(address),
        IpAddr::V6(address) => Field::Ipv6(address),
    };
    let right = Operand::Prefix(first, subnet.prefix());
    Statement::Match { left: address, op: Op::Eq, right }
}
