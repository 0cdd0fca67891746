//! The guard of 127.0.0.0/8, and what is left of the chains that all networks share, as the kernel
//! shows them. No program is run for it.

use cni_netlink::nftables::{Kernel, RuleView, Ruleset, Table};
use cni_netlink::xtables::{self, Family as LegacyFamily};

use super::any::AnyBackend;
use super::detect::{has_legacy_table, nat_tables, raw_table};
use super::iptables::desired::{GUARD, GUARD_RULES, MASQ};
use super::nftables;
use super::opened::{Backends, PLACES};
use crate::config::BackendKind;
use crate::error::Error;

impl Backends {
    /// Returns the kinds of the places other than `used` where a guard or an empty chain of ours is
    /// left. It asks the kernel for single objects, and runs no program for other programs' tables.
    pub async fn with_remnants(&self, used: &[BackendKind]) -> Vec<BackendKind> {
        let mut kinds = Vec::new();
        let others = PLACES.into_iter().filter(|kind| !used.contains(kind));
        for kind in others.filter(|kind| self.has_remnants(*kind)) {
            match self.get_with_version(kind).await {
                Ok(_) => kinds.push(kind),
                Err(error) => log::warn!("chains of {kind} may be left: {error}"),
            }
        }
        kinds
    }

    fn has_remnants(&self, kind: BackendKind) -> bool {
        match kind {
            BackendKind::IptablesLegacy => has_legacy_guard(),
            BackendKind::Nftables => self.ask_nf_tables(has_remnants_of_nftables),
            _ => self.ask_nf_tables(has_remnants_of_nft),
        }
    }

    /// Reports whether the kernel shows a complete guard of 127.0.0.0/8 in the place of a kind.
    ///
    /// It asks over netlink or with `getsockopt` and runs no program. It returns `false` wherever
    /// that does not show it, as for `iptables` of an unknown variant: then
    /// [`ensure_guard`](super::Backend::ensure_guard) finds out.
    pub fn has_guard_in(&self, kind: BackendKind) -> bool {
        match kind {
            BackendKind::Iptables => false,
            BackendKind::IptablesLegacy => has_guard_of_legacy().unwrap_or(false),
            BackendKind::IptablesNft => self.ask_nf_tables(has_guard_of_nft),
            BackendKind::Nftables => match self.get(kind) {
                Ok(AnyBackend::Nftables(nftables)) => nftables.has_guard().unwrap_or(false),
                _ => false,
            },
        }
    }

    /// Asks over netlink. A kernel that does not answer has nothing.
    fn ask_nf_tables(&self, ask: impl FnOnce(&mut Kernel) -> Result<bool, Error>) -> bool {
        match self.get(BackendKind::Nftables) {
            Ok(AnyBackend::Nftables(nftables)) => nftables.with(ask).unwrap_or(false),
            _ => false,
        }
    }
}

/// Reports whether a chain that all networks of iptables-nft share is left without the rules that
/// need it.
fn has_remnants_of_nft(kernel: &mut Kernel) -> Result<bool, Error> {
    for table in nat_tables() {
        if kernel.chain(&table, MASQ)?.is_some() && !has_rule(kernel, &table, MASQ)? {
            return Ok(true);
        }
    }
    Ok(kernel.chain(&raw_table(), GUARD)?.is_some())
}

/// Reports whether our table exists without the rules of a network: then a guard keeps it.
fn has_remnants_of_nftables(kernel: &mut Kernel) -> Result<bool, Error> {
    let table = nftables::table();
    Ok(kernel.table(&table)?.is_some() && !has_rule(kernel, &table, nftables::HOST_PORTS)?)
}

/// Reports whether the legacy variant has the chain of the guard.
///
/// The raw table is read for it if another program uses it, too: it is small where the nat table is
/// not.
pub(super) fn has_legacy_guard() -> bool {
    match legacy_guard() {
        Ok(guard) => guard.is_some(),
        // The table exists, and its program may be able to list it.
        Err(error) => matches!(error, Error::Netlink(_)),
    }
}

/// Reports whether the guard is complete in iptables-nft, as far as its number of rules shows.
fn has_guard_of_nft(kernel: &mut Kernel) -> Result<bool, Error> {
    let raw = raw_table();
    let rules = kernel.scan_rules(&raw, Some(GUARD), |_| Some(()))?.len();
    let to_guard = |rule: &RuleView<'_>| rule.target().filter(|chain| chain == GUARD);
    Ok(rules >= GUARD_RULES && !kernel.scan_rules(&raw, Some("PREROUTING"), to_guard)?.is_empty())
}

/// Reports whether the guard is complete in iptables-legacy, as far as its number of rules shows.
fn has_guard_of_legacy() -> Result<bool, Error> {
    let is_complete = |guard: xtables::Chain| guard.rules >= GUARD_RULES && guard.jumps > 0;
    Ok(legacy_guard()?.is_some_and(is_complete))
}

fn legacy_guard() -> Result<Option<xtables::Chain>, Error> {
    if !has_legacy_table(LegacyFamily::Ip, "raw")? {
        return Ok(None);
    }
    let chains = xtables::chains(LegacyFamily::Ip, "raw")?;
    Ok(chains.into_iter().find(|chain| chain.name == GUARD))
}

fn has_rule(kernel: &mut Kernel, table: &Table, chain: &str) -> Result<bool, Error> {
    Ok(!kernel.scan_rules(table, Some(chain), |_| Some(()))?.is_empty())
}
