//! Which other backends have rules on this host, told without running a program: for containers that were started
//! before the configuration named this backend, or by Mesos's original port mapper.
//!
//! What can't be told counts as nothing: every backend refuses on its own what is taken in it, and both variants of
//! iptables beside each other are not looked for.

use std::fs;

use cni_netlink::nftables::{Family, Ruleset, Table};

use super::iptables::rules::MASQ;
use super::nftables;
use crate::config::BackendKind;

/// Whether there is our table.
pub(super) fn of_nftables(kernel: &mut impl Ruleset) -> bool {
    is_there(kernel, &nftables::table())
}

/// The variants of iptables that have rules in the configured chain, or in one of ours.
pub(super) fn of_iptables(kernel: &mut impl Ruleset, chain: &str) -> Vec<BackendKind> {
    let nft = has_chain(kernel, chain).then_some(BackendKind::IptablesNft);
    let legacy = has_legacy_nat().then_some(BackendKind::IptablesLegacy);
    nft.into_iter().chain(legacy).collect()
}

fn is_there(kernel: &mut impl Ruleset, table: &Table) -> bool {
    matches!(kernel.table(table), Ok(Some(_)))
}

/// iptables of the nf_tables variant keeps its chains in tables of these names.
fn has_chain(kernel: &mut impl Ruleset, chain: &str) -> bool {
    [Family::Ip, Family::Ip6].into_iter().any(|family| {
        let table = Table::new(family, "nat");
        is_there(kernel, &table)
            && [MASQ, chain].iter().any(|name| matches!(kernel.chain(&table, name), Ok(Some(_))))
    })
}

/// The tables of the legacy variant exist only once somebody has used them; listing one that does not would make it.
fn has_legacy_nat() -> bool {
    ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"].into_iter().any(|names| {
        fs::read_to_string(names).is_ok_and(|names| names.lines().any(|name| name == "nat"))
    })
}
