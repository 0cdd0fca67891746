//! Detects which other backends have rules on this host, without running a program.
//!
//! Such rules belong to containers that were started before the configuration named this backend,
//! or that Mesos's original port mapper served.
//!
//! Rules that can't be detected are ignored: every backend refuses conflicts with its own rules
//! anyway. Two variants of iptables next to each other are not detected.

use std::fs;

use cni_netlink::nftables::{Family as TableFamily, Ruleset, Table};

use super::iptables::desired::MASQ;
use super::nftables;
use crate::config::BackendKind;

/// Reports whether the table of the nftables backend exists.
pub(super) fn of_nftables(kernel: &mut impl Ruleset) -> bool {
    has_table(kernel, &nftables::table())
}

/// Returns the variants of iptables that have rules in the configured chain, or in one of ours.
pub(super) fn of_iptables(kernel: &mut impl Ruleset, chain: &str) -> Vec<BackendKind> {
    let nft = has_nft_chain(kernel, chain).then_some(BackendKind::IptablesNft);
    let legacy = has_legacy_nat().then_some(BackendKind::IptablesLegacy);
    nft.into_iter().chain(legacy).collect()
}

fn has_table(kernel: &mut impl Ruleset, table: &Table) -> bool {
    matches!(kernel.table(table), Ok(Some(_)))
}

/// The nf_tables variant of iptables keeps its chains in tables of these names.
fn has_nft_chain(kernel: &mut impl Ruleset, chain: &str) -> bool {
    [TableFamily::Ip, TableFamily::Ip6].into_iter().any(|family| {
        let table = Table::new(family, "nat");
        has_table(kernel, &table)
            && [MASQ, chain].iter().any(|name| matches!(kernel.chain(&table, name), Ok(Some(_))))
    })
}

/// The legacy variant's tables exist once they have been used. Listing one would create it.
fn has_legacy_nat() -> bool {
    ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"].into_iter().any(|names| {
        fs::read_to_string(names).is_ok_and(|names| names.lines().any(|name| name == "nat"))
    })
}
