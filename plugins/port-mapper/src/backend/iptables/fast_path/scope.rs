//! The chains that a verb needs, and whether they are sufficient.

use std::collections::{BTreeSet, HashSet};

use crate::backend::iptables::desired::{self, GUARD, MASQ};
use crate::backend::iptables::observed::{Observed, ObservedRule, Tables, TaggedRule};
use crate::backend::iptables::rule::{Rule, quote};
use crate::claim::Claim;
use crate::ordered;
use crate::owner::RuleTag;

/// Identifies a chain by the table that contains it and its name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ChainId {
    pub(super) table: &'static str,
    pub(super) name: String,
}

/// The built-in chains that jump to ours.
const BUILT_IN: [&str; 3] = ["PREROUTING", "OUTPUT", "POSTROUTING"];
/// The text before the chain in every jump to a chain of ours, or of the original's.
const JUMP: &str = "-m addrtype --dst-type LOCAL -j ";
/// Chains of other programs with such jumps, which never contain a rule of ours.
const FOREIGN: [&str; 2] = ["DOCKER", "CNI-HOSTPORT-DNAT"];

/// The rules that a verb needs to see.
#[derive(Clone, Copy, Debug)]
pub(in crate::backend::iptables) struct Scope<'a> {
    /// The claim to install, remove or check.
    pub(in crate::backend::iptables) claim: &'a Claim,
    /// Whether the host ports of other owners matter, including those in chains of other networks.
    pub(in crate::backend::iptables) conflicts: bool,
}

/// What follows from the chains that were listed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Coverage {
    /// They are sufficient. A chain that was not listed is taken for absent; if it does exist, the
    /// change will be refused.
    Sufficient,
    /// These chains are needed, too.
    NeedsChains(Vec<ChainId>),
    /// All rules are needed.
    NeedsAll,
}

impl Scope<'_> {
    /// Returns the chains to list, up to the first that does not exist.
    ///
    /// Those that always exist come first: they show which others do. Then comes the chain that all
    /// networks share, since it exists longer than the network's own; but without source NAT it may
    /// never have been created. The chains of the nat table are not interleaved with others: the
    /// legacy variant reads the whole table again whenever the table changes.
    pub(super) fn chains(&self, tables: Tables) -> Vec<ChainId> {
        let chain = |table, name: &str| ChainId { table, name: name.to_owned() };
        let own = chain("nat", &self.claim.chain);
        let masq = chain("nat", MASQ);
        let nat = BUILT_IN.iter().map(|name| chain("nat", name)).chain(match self.claim.snat {
            true => [masq, own],
            false => [own, masq],
        });
        match tables {
            Tables::Nat | Tables::Raw => nat.collect(),
            Tables::NatAndRaw => std::iter::once(chain("raw", "PREROUTING"))
                .chain(nat)
                .chain([chain("raw", GUARD)])
                .collect(),
        }
    }

    /// Decides whether the first `listed` of the requested chains are sufficient.
    ///
    /// `omitted_strays` is [`has_strays`] for the rules that the listing leaves out.
    pub(super) fn coverage(
        &self,
        observed: &Observed<'_>,
        requested: &[ChainId],
        listed: usize,
        omitted_strays: bool,
    ) -> Coverage {
        let built_in = requested.iter().take_while(|chain| BUILT_IN.contains(&&*chain.name));
        if listed < built_in.count() {
            return Coverage::NeedsAll;
        }
        let mut missing = skipped(observed, &requested[listed..]);
        if self.conflicts {
            missing.extend(other_networks(observed, requested));
        }
        if !missing.is_empty() {
            return Coverage::NeedsChains(missing);
        }
        let is_sufficient = if self.conflicts {
            !omitted_strays && !has_strays(&observed.tagged())
        } else {
            has_all(observed, self.claim)
        };
        if is_sufficient { Coverage::Sufficient } else { Coverage::NeedsAll }
    }
}

/// Returns the chains that exist, since rules jump to them, but were not listed, because an earlier
/// one does not exist.
fn skipped(observed: &Observed<'_>, not_listed: &[ChainId]) -> Vec<ChainId> {
    let rules = observed.nat.rules.iter().chain(&observed.raw.rules);
    let exists = |chain: &&ChainId| rules.clone().any(|rule| rule.jumps_to(&chain.name));
    not_listed.iter().filter(exists).cloned().collect()
}

fn other_networks(observed: &Observed<'_>, requested: &[ChainId]) -> BTreeSet<ChainId> {
    let known: HashSet<&str> = requested.iter().map(|chain| &*chain.name).collect();
    let chains = observed.nat.rules.iter().filter_map(network_chain);
    let chains = chains.filter(|chain| !known.contains(chain));
    ordered::set(chains.map(|chain| ChainId { table: "nat", name: chain.to_owned() }))
}

/// Returns the chain that a built-in chain jumps to in the form of a jump to a network's chain.
fn network_chain<'a>(rule: &ObservedRule<'a>) -> Option<&'a str> {
    let (before, chain) = rule.spec.split_once(JUMP)?;
    let is_plain = !before.contains('"') && !chain.contains([' ', '"']);
    (is_plain && BUILT_IN.contains(&rule.chain) && !FOREIGN.contains(&chain)).then_some(chain)
}

/// Reports whether an owner has source NAT but no other rule in a listed chain: then the others are
/// in a chain that has lost its jumps.
fn has_strays(tagged: &[TaggedRule<'_>]) -> bool {
    let (masquerade, others): (Vec<_>, Vec<_>) =
        tagged.iter().partition(|tagged| tagged.rule.chain == MASQ);
    let tags: HashSet<&str> = others.iter().map(|tagged| &*tagged.tag).collect();
    masquerade.iter().any(|tagged| !tags.contains(&*tagged.tag))
}

/// Reports whether every rule of the claim was listed. Then its owner has none in any other chain:
/// they are created and moved in one change.
fn has_all(observed: &Observed<'_>, claim: &Claim) -> bool {
    let tag = claim.owner.tag();
    let tagged = observed.tagged();
    let owned = tagged.iter().filter(|tagged| tagged.tag == tag);
    let existing: HashSet<Rule> = owned.map(|tagged| tagged.rule.to_rule()).collect();
    let desired = desired::tagged_rules(claim, observed.family);
    desired.iter().all(|rule| existing.contains(rule))
}

/// Returns the input of iptables-restore that lists the chains, or `None` if a name can't be
/// expressed.
pub(super) fn request(chains: &[ChainId]) -> Option<String> {
    let mut text = String::new();
    let mut current = "";
    for ChainId { table, name } in chains {
        if current != *table {
            text.push_str(if current.is_empty() { "" } else { "COMMIT\n" });
            text.push_str(&format!("*{table}\n"));
            current = table;
        }
        text.push_str("-S ");
        if !quote(name, &mut text) {
            return None;
        }
        text.push('\n');
    }
    text.push_str("COMMIT\n");
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chains(names: &[(&'static str, &str)]) -> Vec<ChainId> {
        names.iter().map(|(table, name)| ChainId { table, name: (*name).to_owned() }).collect()
    }

    #[test]
    fn a_request_names_the_table_whenever_it_changes() {
        let requested = chains(&[("nat", "OUTPUT"), ("nat", "A b"), ("raw", "X"), ("nat", "Y")]);
        assert_eq!(
            request(&requested).unwrap(),
            "*nat\n-S OUTPUT\n-S \"A b\"\nCOMMIT\n*raw\n-S X\nCOMMIT\n*nat\n-S Y\nCOMMIT\n"
        );
        assert_eq!(request(&chains(&[("nat", "a\nb")])), None);
    }
}
