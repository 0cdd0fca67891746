//! Deletes most rules of an owner with very many of them over netlink, before iptables-nft deletes
//! the rest together with what they need around them.
//!
//! The kernel searches a rule to delete from the first rule of its chain, and keeps deleted ones
//! there until the transaction ends. iptables-restore deletes all in one transaction: for 60,000 it
//! takes 14 seconds of the kernel's time, and the lock is held. In small transactions, the rules
//! that were deleted are not searched again.
//!
//! A handle is never used again in a table, but in one that was deleted and made again. So each
//! transaction is for the generation of the ruleset in which the handles were listed. A DEL that is
//! killed leaves rules with their tags, and the next one continues. The legacy variant replaces its
//! table as a whole, and needs none of this.

use std::collections::{BTreeMap, HashSet};

use cni_netlink::Error as NetlinkError;
use cni_netlink::nftables::{Generation, Kernel, RuleView, Ruleset, Table, Transaction};
use cni_wrapper::Attachment;

use crate::backend::detect::nat_table;
use crate::claim::Claim;
use crate::error::Error;
use crate::family::Family;
use crate::owner::RuleTag;

/// The rules that are left to iptables-restore, which also sees that the chain is used.
const LEFT: usize = 1000;
/// The number of rules that are deleted in one transaction.
const AT_ONCE: usize = 2000;
/// How often the rules are listed again, because other programs have changed any.
const LISTINGS: usize = 20;

/// A rule of the owner.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Found {
    handle: u64,
    /// Whether it translates. Otherwise it excludes a device from the rules after it.
    translates: bool,
}

/// Deletes all but a few of the owner's rules if it has very many. Without a claim, all rules of
/// the families are searched. Returns whether any was deleted.
///
/// An error is not reported: iptables-restore deletes whatever is left.
pub(super) fn thin_out(owner: &Attachment, claim: Option<&Claim>, families: &[Family]) -> bool {
    claim.is_none_or(is_worthwhile)
        && delete(owner, claim, families).unwrap_or_else(|error| {
            log::info!("iptables-restore deletes the rules, which takes longer: {error}");
            true // perhaps some were
        })
}

fn is_worthwhile(claim: &Claim) -> bool {
    // A mapping has at least one rule that translates for each of its ports, or one for all.
    let ports: usize = claim.mappings.iter().map(|mapping| usize::from(mapping.range)).sum();
    let rules = match claim.exclude_devices.len() {
        0 | 1 => ports,
        devices => ports * (devices + 1),
    };
    rules > LEFT + AT_ONCE
}

fn delete(owner: &Attachment, claim: Option<&Claim>, families: &[Family]) -> Result<bool, Error> {
    let mut kernel = Kernel::open()?;
    let (tag, chain) = (owner.tag(), claim.map(|claim| claim.chain.as_str()));
    let mut has_deleted = false;
    for family in families {
        let table = nat_table(*family);
        for _ in 0..LISTINGS {
            let generation = kernel.generation()?;
            let chains = rules(&mut kernel, &table, chain, &tag)?;
            match delete_surplus(&mut kernel, &table, &chains, generation, &mut has_deleted) {
                Err(error) if error.is_stale() => {}
                deleted => {
                    deleted?;
                    break;
                }
            }
        }
    }
    Ok(has_deleted)
}

/// Returns the owner's rules in each chain, in order.
fn rules(
    kernel: &mut Kernel,
    table: &Table,
    chain: Option<&str>,
    tag: &str,
) -> Result<BTreeMap<String, Vec<Found>>, Error> {
    let mut seen = HashSet::new();
    let found = kernel.scan_rules(table, chain, |rule| {
        rule.comment().filter(|comment| *comment == tag.as_bytes())?;
        let handle = rule.handle().filter(|handle| seen.insert(*handle))?;
        let chain = String::from_utf8_lossy(rule.chain()).into_owned();
        Some((chain, Found { handle, translates: translates(rule) }))
    })?;
    let mut chains = BTreeMap::<_, Vec<_>>::new();
    for (chain, rule) in found {
        chains.entry(chain).or_default().push(rule);
    }
    Ok(chains)
}

/// Reports whether a rule has a target other than RETURN.
fn translates(rule: &RuleView<'_>) -> bool {
    rule.expressions().any(|expression| matches!(expression.name(), b"target" | b"nat"))
}

/// Deletes the surplus in small transactions, each for the generation after the one before.
fn delete_surplus(
    ruleset: &mut impl Ruleset,
    table: &Table,
    chains: &BTreeMap<String, Vec<Found>>,
    mut generation: Generation,
    has_deleted: &mut bool,
) -> Result<(), NetlinkError> {
    for (chain, rules) in chains {
        for piece in pieces(rules) {
            ruleset.commit(&deletion(table, chain, piece), Some(generation))?;
            generation = generation.next();
            *has_deleted = true;
        }
    }
    Ok(())
}

/// Returns the rules to delete, all but a few, in the pieces of the transactions.
///
/// Rules that exclude devices precede the rules from which they exclude them, and are never deleted
/// before those.
fn pieces(rules: &[Found]) -> Vec<&[Found]> {
    let (mut rest, mut surplus) = (rules, rules.len().saturating_sub(LEFT));
    let mut pieces = Vec::new();
    loop {
        let end = last_end(rest, surplus.min(AT_ONCE));
        if end == 0 {
            return pieces;
        }
        let (piece, after) = rest.split_at(end);
        (rest, surplus) = (after, surplus - end);
        pieces.push(piece);
    }
}

/// Returns the last place up to `most` before which the rules can be deleted without the others.
fn last_end(rules: &[Found], most: usize) -> usize {
    if rules.iter().all(|rule| rule.translates) {
        return most;
    }
    let is_end = |at: &usize| rules[*at - 1].translates && !rules[*at].translates;
    (1..=most).rev().find(is_end).unwrap_or(0)
}

fn deletion(table: &Table, chain: &str, rules: &[Found]) -> Transaction {
    let mut transaction = Transaction::new(table.clone());
    for rule in rules {
        transaction.delete_rule(chain, rule.handle);
    }
    transaction
}

#[cfg(test)]
mod tests {
    use cni_netlink::nftables::{Chain, FakeRuleset, Rule};
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
        assert!(!is_worthwhile(&claim(1000, &["eth8", "eth9"])));
        assert!(is_worthwhile(&claim(1001, &["eth8", "eth9"])));
    }

    /// Returns rules for `count` mappings, each after the rules that exclude devices.
    fn rules(count: u64, devices: u64) -> Vec<Found> {
        let each = devices + 1;
        let all = 1..=count * each;
        all.map(|handle| Found { handle, translates: handle % each == 0 }).collect()
    }

    #[test]
    fn rules_that_exclude_several_devices_are_deleted_together_with_those_that_they_protect() {
        for devices in [0, 2, 6] {
            let rules = rules(10_000, devices);
            let pieces = pieces(&rules);
            for piece in &pieces {
                assert!(piece.len() <= AT_ONCE && piece.last().unwrap().translates, "{devices}");
            }
            let all = pieces.concat();
            assert_eq!(all, rules[..all.len()], "in order, and each once");
            let left = rules.len() - all.len();
            assert!((LEFT..LEFT + 7).contains(&left), "{devices}: {left} are left");
        }
        // Several rules that translate after the same exclusions are not separated.
        let mut rules = rules(1, 2_999);
        rules.extend((3001..6000).map(|handle| Found { handle, translates: true }));
        assert!(pieces(&rules).is_empty());
        assert!(pieces(&rules[..LEFT]).is_empty());
    }

    fn table_with_rules(table: &Table, count: usize) -> Transaction {
        let mut transaction = Transaction::new(table.clone());
        transaction.add_table().add_chain(Chain::regular("MESOS"));
        for number in 0..count {
            transaction.add_rule(Rule::new("MESOS", []).with_comment(number.to_string()));
        }
        transaction
    }

    #[test]
    fn handles_of_a_table_that_was_made_again_since_delete_nothing() {
        let table = nat_table(Family::V4);
        let count = LEFT + AT_ONCE + 1;
        let fake = || {
            let mut fake = FakeRuleset::default();
            fake.commit(&table_with_rules(&table, count), None).unwrap();
            fake
        };
        let delete = |fake: &mut FakeRuleset| {
            let (mut has_deleted, generation) = (false, fake.generation().unwrap());
            let handles = fake.rules(&table).unwrap().into_iter().map(|rule| rule.handle);
            let rules = handles.map(|handle| Found { handle, translates: true }).collect();
            let chains = BTreeMap::from([("MESOS".to_owned(), rules)]);
            let deleted = delete_surplus(fake, &table, &chains, generation, &mut has_deleted);
            let is_stale = deleted.is_err_and(|error| error.is_stale());
            (is_stale, has_deleted, fake.rules(&table).unwrap().len())
        };
        assert_eq!(delete(&mut fake()), (false, true, LEFT), "in two transactions");

        let mut replaced = fake();
        let of_others = table.clone();
        replaced.before_next_commit(move |fake| {
            let mut deletion = Transaction::new(of_others.clone());
            fake.commit(deletion.delete_table(), None).unwrap();
            fake.commit(&table_with_rules(&of_others, 2 * AT_ONCE), None).unwrap();
        });
        assert_eq!(delete(&mut replaced), (true, false, 2 * AT_ONCE), "all are another's");
    }
}
