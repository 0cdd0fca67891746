//! Deletes most rules of a claim with very many of them over netlink, before iptables-nft deletes
//! the rest together with what they need around them.
//!
//! The kernel searches a rule to delete from the first rule of its chain, and keeps deleted ones
//! there until the transaction ends. iptables-restore deletes all in one transaction: for 60,000 it
//! takes 14 seconds of the kernel's time, and the lock is held. In small transactions, the rules
//! that were deleted are not searched again.
//!
//! A handle is never used again, so no rule of another owner is deleted, whatever changes in the
//! meantime. A DEL that is killed leaves rules with their tags, and the next one continues. The
//! legacy variant replaces its table as a whole, and needs none of this.

use std::collections::HashSet;

use cni_netlink::nftables::{Kernel, Ruleset, Table, Transaction};

use crate::backend::detect::nat_table;
use crate::claim::Claim;
use crate::error::Error;
use crate::owner::RuleTag;

/// The rules that are left to iptables-restore, which also sees that the chain is used.
const LEFT: usize = 1000;
/// The number of rules that are deleted in one transaction.
const AT_ONCE: usize = 2000;

/// Deletes all but a few of the claim's rules if it has very many. Returns whether any was deleted.
///
/// An error is not reported: iptables-restore deletes whatever is left.
pub(super) fn thin_out(claim: &Claim) -> bool {
    // The upper bound of the number of rules that translate.
    let mappings = claim.mappings.iter().map(|mapping| usize::from(mapping.range));
    // With several devices, rules that exclude them are needed by the ones after them.
    if mappings.sum::<usize>() <= LEFT + AT_ONCE || claim.exclude_devices.len() > 1 {
        return false;
    }
    delete(claim).unwrap_or_else(|error| {
        log::info!("iptables-restore deletes the rules, which takes longer: {error}");
        true // perhaps some were
    })
}

fn delete(claim: &Claim) -> Result<bool, Error> {
    let mut kernel = Kernel::open()?;
    let mut has_deleted = false;
    for family in claim.families() {
        let table = nat_table(family);
        let handles = handles(&mut kernel, &table, claim)?;
        let surplus = handles.len().saturating_sub(LEFT);
        for piece in handles[..surplus].chunks(AT_ONCE) {
            kernel.commit(&deletion(&table, &claim.chain, piece), None)?;
            has_deleted = true;
        }
    }
    Ok(has_deleted)
}

/// Returns the handles of the claim's rules in its chain, in order.
fn handles(kernel: &mut Kernel, table: &Table, claim: &Claim) -> Result<Vec<u64>, Error> {
    let tag = claim.owner.tag();
    let mut seen = HashSet::new();
    Ok(kernel.scan_rules(table, Some(&claim.chain), |rule| {
        rule.comment().filter(|comment| *comment == tag.as_bytes())?;
        rule.handle().filter(|handle| seen.insert(*handle))
    })?)
}

fn deletion(table: &Table, chain: &str, handles: &[u64]) -> Transaction {
    let mut transaction = Transaction::new(table.clone());
    for handle in handles {
        transaction.delete_rule(chain, *handle);
    }
    transaction
}
