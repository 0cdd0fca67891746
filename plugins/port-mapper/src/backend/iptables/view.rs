//! The chains that a verb looks at, and whether they tell enough.
//!
//! Others, such as Kubernetes, have tens of thousands of rules in chains of their own. iptables-restore can be told to
//! list single chains (`-S CHAIN`) and stops at the first that does not exist; what it says is sifted as it comes. Where that
//! does not tell enough, all rules are listed.

use std::collections::{BTreeSet, HashSet};

use super::plan::Scope;
use super::rules::{self, GUARD, Line, MASQ};
use super::save::{Listing, Rule};
use super::skeleton::whole;
use super::survey;
use super::words::quote;
use crate::claim::Claim;
use crate::family::Family;
use crate::owner::RuleTag;

/// A chain, and the table that it is in.
pub(super) type Place = (&'static str, String);

/// The built-in chains that ours hang on.
const ROOTS: [&str; 3] = ["PREROUTING", "OUTPUT", "POSTROUTING"];
/// What stands before the name in every jump to a chain of ours, or of the original's.
const JUMP: &str = "-m addrtype --dst-type LOCAL -j ";
/// Chains of others that are jumped to in just this way and never hold a rule of ours.
const FOREIGN: [&str; 2] = ["DOCKER", "CNI-HOSTPORT-DNAT"];

/// What a verb looks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// The claim that is installed, removed or checked.
    pub(super) claim: &'a Claim,
    /// Whether it matters what others hold, in the chains of other networks too.
    pub(super) conflicts: bool,
}

/// What to do after a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Decide: what was not seen does not exist, and a change that is told so is refused should it exist after all.
    Decide,
    /// Look at these, too.
    Also(Vec<Place>),
    /// Look at everything.
    Everything,
}

impl View<'_> {
    /// The chains to look at. First those that always exist, since they tell which others do; then what all networks share,
    /// which lasts longer than one network's chain; but without source NAT nobody may have made that. The nat table
    /// stands in one piece: the legacy variant reads all of it for each.
    pub(super) fn chains(&self, scope: Scope) -> Vec<Place> {
        let place = |table, chain: &str| (table, chain.to_owned());
        let own = place("nat", &self.claim.chain);
        let masq = place("nat", MASQ);
        let nat = ROOTS.iter().map(|root| place("nat", root)).chain(match self.claim.snat {
            true => [masq, own],
            false => [own, masq],
        });
        match scope {
            Scope::Nat => nat.collect(),
            Scope::All => std::iter::once(place("raw", "PREROUTING"))
                .chain(nat)
                .chain([place("raw", GUARD)])
                .collect(),
        }
    }

    /// Whether the chains tell enough. `seen` of those asked for were listed.
    pub(super) fn next(
        &self,
        listing: &Listing<'_>,
        asked: &[Place],
        seen: usize,
        family: Family,
    ) -> Next {
        let roots = asked.iter().take_while(|(_, chain)| ROOTS.contains(&&**chain)).count();
        if seen < roots {
            return Next::Everything;
        }
        let mut also = passed_over(listing, &asked[seen..]);
        if self.conflicts {
            also.extend(other_networks(listing, asked));
        }
        let enough = match self.conflicts {
            _ if !also.is_empty() => return Next::Also(also),
            true => !has_strays(listing),
            false => shows(listing, self.claim, family),
        };
        if enough { Next::Decide } else { Next::Everything }
    }
}

/// Those that exist, since something leads to them, and were not listed, since one before them does not.
fn passed_over(listing: &Listing<'_>, unseen: &[Place]) -> Vec<Place> {
    let rules = listing.nat.rules.iter().chain(&listing.raw.rules);
    let exists = |(_, chain): &&Place| rules.clone().any(|rule| rule.leads_to(chain));
    unseen.iter().filter(exists).cloned().collect()
}

fn other_networks(listing: &Listing<'_>, asked: &[Place]) -> BTreeSet<Place> {
    let known: HashSet<&str> = asked.iter().map(|(_, chain)| &**chain).collect();
    let chains = listing.nat.rules.iter().filter_map(jumped_to);
    chains.filter(|chain| !known.contains(chain)).map(|chain| ("nat", chain.to_owned())).collect()
}

/// The chain that a root leads to as to one of ours.
fn jumped_to<'a>(rule: &Rule<'a>) -> Option<&'a str> {
    let (before, chain) = rule.spec.split_once(JUMP)?;
    let plain = !before.contains('"') && !chain.contains([' ', '"']);
    (plain && ROOTS.contains(&rule.chain) && !FOREIGN.contains(&chain)).then_some(chain)
}

/// Whether somebody's source NAT is there but not what it belongs to: in a chain that has lost its jumps.
fn has_strays(listing: &Listing<'_>) -> bool {
    let tagged = survey::tagged(listing);
    let (masquerades, others): (Vec<_>, Vec<_>) =
        tagged.iter().partition(|tagged| tagged.rule.chain == MASQ);
    let tags: HashSet<&str> = others.iter().map(|tagged| &*tagged.tag).collect();
    listing.others.strays || masquerades.iter().any(|tagged| !tags.contains(&*tagged.tag))
}

/// Whether every rule of the claim is there. If so, its owner has none in a chain that was not looked at: they are all
/// made and moved in one step.
fn shows(listing: &Listing<'_>, claim: &Claim, family: Family) -> bool {
    let tag = claim.owner.tag();
    let tagged = survey::tagged(listing);
    let ours = tagged.iter().filter(|tagged| tagged.tag == tag);
    let there: HashSet<Line> = ours.map(|tagged| whole(&tagged.rule)).collect();
    rules::owned(claim, family).iter().all(|line| there.contains(line))
}

/// What iptables-restore is to be told; `None` for a name that can't be expressed.
pub(super) fn request(asked: &[Place]) -> Option<String> {
    let mut text = String::new();
    let mut current = "";
    for (table, chain) in asked {
        if current != *table {
            text.push_str(if current.is_empty() { "" } else { "COMMIT\n" });
            text.push_str(&format!("*{table}\n"));
            current = table;
        }
        text.push_str("-S ");
        if !quote(chain, &mut text) {
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

    fn places(names: &[(&'static str, &str)]) -> Vec<Place> {
        names.iter().map(|(table, chain)| (*table, (*chain).to_owned())).collect()
    }

    #[test]
    fn a_request_names_each_table_in_turn() {
        let asked = places(&[("nat", "OUTPUT"), ("nat", "A b"), ("raw", "X"), ("nat", "Y")]);
        assert_eq!(
            request(&asked).unwrap(),
            "*nat\n-S OUTPUT\n-S \"A b\"\nCOMMIT\n*raw\n-S X\nCOMMIT\n*nat\n-S Y\nCOMMIT\n"
        );
        assert_eq!(request(&places(&[("nat", "a\nb")])), None);
    }
}
