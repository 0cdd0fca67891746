//! Which other backends have rules on this host, told without running a program: for containers that were started
//! before the configuration named this backend, or by Mesos's original port mapper.

use std::fs;

use netfilter::nftables::{Family, Kernel, Ruleset, Table};

use super::iptables::rules::MASQ;
use super::nftables;
use crate::config::BackendKind;

/// The kinds of another sort than this one that seem to have rules, in the configured chain or in one of ours.
///
/// What can't be told counts as nothing: every backend refuses on its own what is taken in it, and both variants of
/// iptables beside each other are not looked for.
pub(super) fn others(kind: BackendKind, chain: &str) -> Vec<BackendKind> {
    let Ok(mut kernel) = Kernel::open() else { return Vec::new() };
    if kind != BackendKind::Nftables {
        return has_table(&mut kernel).then_some(BackendKind::Nftables).into_iter().collect();
    }
    let nft = has_chain(&mut kernel, chain).then_some(BackendKind::IptablesNft);
    let legacy = has_legacy_nat().then_some(BackendKind::IptablesLegacy);
    nft.into_iter().chain(legacy).collect()
}

fn has_table(kernel: &mut Kernel) -> bool {
    matches!(kernel.table(&nftables::table()), Ok(Some(_)))
}

/// iptables of the nf_tables variant keeps its chains in tables of these names.
fn has_chain(kernel: &mut Kernel, chain: &str) -> bool {
    [Family::Ip, Family::Ip6].into_iter().any(|family| {
        let table = Table { family, name: "nat".to_owned() };
        [MASQ, chain].into_iter().any(|name| matches!(kernel.chain(&table, name), Ok(Some(_))))
    })
}

/// The tables of the legacy variant exist only once somebody has used them; listing one that does not would make it.
fn has_legacy_nat() -> bool {
    ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"].into_iter().any(|names| {
        fs::read_to_string(names).is_ok_and(|names| names.lines().any(|name| name == "nat"))
    })
}
