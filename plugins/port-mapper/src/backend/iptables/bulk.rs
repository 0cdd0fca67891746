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
    is_worthwhile(claim)
        && delete(claim).unwrap_or_else(|error| {
            log::info!("iptables-restore deletes the rules, which takes longer: {error}");
            true // perhaps some were
        })
}

fn is_worthwhile(claim: &Claim) -> bool {
    // A mapping has at most one rule for each of its ports that translates.
    let most: usize = claim.mappings.iter().map(|mapping| usize::from(mapping.range)).sum();
    // With several devices, the rules that exclude them have to stay before the ones that they
    // protect.
    most > LEFT + AT_ONCE && claim.exclude_devices.len() <= 1
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claim(range: u16, devices: &[&str]) -> Claim {
        serde_json::from_value(json!({
            "version": 1, "owner": {"network": "n", "containerId": "c1", "ifname": "eth0"},
            "chain": "MESOS", "snat": true, "addresses": ["10.0.0.2/24"],
            "excludeDevices": devices,
            "mappings": [
                {"hostPort": 100, "containerPort": 101, "protocol": "tcp", "range": range},
            ],
        }))
        .unwrap()
    }

    #[test]
    fn only_a_claim_with_thousands_of_rules_is_thinned_out() {
        assert!(!is_worthwhile(&claim(1, &[])));
        assert!(!is_worthwhile(&claim(3000, &[])));
        assert!(is_worthwhile(&claim(3001, &[])));
        assert!(is_worthwhile(&claim(60_000, &["eth9"])));
    }

    #[test]
    fn rules_that_exclude_several_devices_are_deleted_together_with_those_that_they_protect() {
        assert!(!is_worthwhile(&claim(60_000, &["eth8", "eth9"])));
    }
}
