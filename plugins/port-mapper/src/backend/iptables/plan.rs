//! Decides what has to change: from what is there and what is wanted. Touches nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::change::Plan;
use super::rules::{self, Line};
use super::save::Listing;
use super::skeleton::{self, Scene};
use super::survey::{self, Tagged};
use crate::backend::Hints;
use crate::claim::Claim;
use crate::conflict::{Conflict, Index};
use crate::error::Error;
use crate::family::Family;
use crate::owner::{Owner, RuleTag};
use cni_wrapper::Attachment;

/// How much of the host's rules a listing shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The nat table only: the guard in the raw table is not looked at.
    Nat,
    /// All tables.
    All,
}

/// A plan, and whose rules it removes since they are gone.
#[derive(Debug, Default)]
pub struct Decision {
    /// What to do.
    pub plan: Plan,
    /// The stale holders.
    pub replaced: BTreeSet<Owner>,
}

/// Tagged rules that go (by their place among the tagged), and rules that come.
pub(super) struct Edits {
    pub(super) delete: BTreeSet<usize>,
    pub(super) append: Vec<Line>,
}

/// What makes the rules of the claim's owner those of the claim.
///
/// # Errors
///
/// [`Error::Conflict`] with every host port that belongs to a holder who is not stale.
pub fn install(
    listing: &Listing<'_>,
    scope: Scope,
    family: Family,
    claim: &Claim,
    is_stale: &dyn Fn(&Owner) -> bool,
) -> Result<Decision, Error> {
    let tagged = survey::tagged(listing);
    let (victims, replaced) = displaced(&tagged, family, claim, is_stale)?;
    let mut edits = difference(&tagged, &claim.owner, rules::owned(claim, family));
    edits.delete.extend(victims);
    let plan = skeleton::plan(&scene(listing, scope, family, &tagged, claim), edits);
    Ok(Decision { plan, replaced })
}

fn scene<'a>(
    listing: &'a Listing<'a>,
    scope: Scope,
    family: Family,
    tagged: &'a [Tagged<'a>],
    claim: &'a Claim,
) -> Scene<'a> {
    let localhost = family == Family::V4 && claim.serves_localhost();
    let localhost = localhost.then(|| claim.owner.tag());
    let chain = Some(claim.chain.as_str());
    Scene { listing, scope, family, tagged, localhost, chain, keep_guard: true }
}

/// As [`install`], but whatever others hold is left alone: for CHECK.
pub fn compare(listing: &Listing<'_>, scope: Scope, family: Family, claim: &Claim) -> Plan {
    let tagged = survey::tagged(listing);
    let edits = difference(&tagged, &claim.owner, rules::owned(claim, family));
    skeleton::plan(&scene(listing, scope, family, &tagged, claim), edits)
}

/// What removes every rule of the owner, and with the last rule of a chain the chain.
pub fn remove(
    listing: &Listing<'_>,
    scope: Scope,
    family: Family,
    owner: &Attachment,
    hints: &Hints,
) -> Plan {
    let tagged = survey::tagged(listing);
    let (ours, original) = (owner.tag(), owner.original_tag());
    let is_owners = |tagged: &Tagged<'_>| {
        // The original's tag does not tell the network; its chain does.
        tagged.tag == ours
            || (hints.chain.as_deref() == Some(tagged.rule.chain) && tagged.tag == original)
    };
    let delete = (0..tagged.len()).filter(|&index| is_owners(&tagged[index])).collect();
    let edits = Edits { delete, append: Vec::new() };
    let chain = hints.chain.as_deref();
    let keep_guard = hints.keep_guard;
    let scene =
        Scene { listing, scope, family, tagged: &tagged, localhost: None, chain, keep_guard };
    skeleton::plan(&scene, edits)
}

/// Rules of others that stand in the claim's way and may go.
fn displaced(
    tagged: &[Tagged<'_>],
    family: Family,
    claim: &Claim,
    is_stale: &dyn Fn(&Owner) -> bool,
) -> Result<(BTreeSet<usize>, BTreeSet<Owner>), Error> {
    let index = Index::new(&claim.mappings, family);
    let (ours, original) = (claim.owner.tag(), claim.owner.original_tag());
    let mut stale: HashMap<&str, bool> = HashMap::new();
    let mut go = BTreeSet::new();
    let mut conflicts = Vec::new();
    for (at, rule) in tagged.iter().enumerate().filter(|(_, rule)| rule.tag != ours) {
        let Some((taken, _)) = rule.taken() else { continue };
        let Some(mapping) = index.overlap(&taken) else { continue };
        if rule.tag == original {
            // This very container, mapped before the upgrade.
            go.insert(at);
        } else if !*stale.entry(&rule.tag).or_insert_with(|| is_stale(&rule.holder())) {
            conflicts.push(Conflict { mapping, ports: taken, owner: rule.holder() });
        }
    }
    if !conflicts.is_empty() {
        return Err(Error::Conflict(conflicts));
    }
    // Not only the rules in the way: all of a container that is gone.
    let gone = (0..tagged.len()).filter(|&at| stale.contains_key(&*tagged[at].tag));
    let gone: Vec<usize> = gone.collect();
    let holders = gone.iter().map(|&at| tagged[at].holder()).collect();
    go.extend(gone);
    Ok((go, holders))
}

/// The smallest change from the owner's rules to the wanted ones that leaves those in order.
fn difference(tagged: &[Tagged<'_>], owner: &Attachment, wanted: Vec<Line>) -> Edits {
    let tag = owner.tag();
    let mine: Vec<usize> = (0..tagged.len()).filter(|&at| tagged[at].tag == tag).collect();
    let mut wanted_by_chain: BTreeMap<String, Vec<Line>> = BTreeMap::new();
    let mut known = HashSet::new();
    for line in wanted {
        // Two mappings can come to the same rule, as any address and 0.0.0.0.
        if known.insert(line.clone()) {
            wanted_by_chain.entry(line.chain.to_string()).or_default().push(line);
        }
    }
    let mut edits = Edits { delete: mine.iter().copied().collect(), append: Vec::new() };
    for (chain, lines) in wanted_by_chain {
        let there = mine.iter().copied().filter(|&at| tagged[at].rule.chain == chain);
        let kept = kept(tagged, there, &lines);
        kept.iter().for_each(|at| {
            edits.delete.remove(at);
        });
        edits.append.extend(lines.into_iter().skip(kept.len()));
    }
    edits
}

/// Rules can only be appended: so those can stay that are a beginning of the wanted ones, in that order.
///
/// Of several copies the last can stay, since deleting takes the first.
fn kept(tagged: &[Tagged<'_>], there: impl Iterator<Item = usize>, wanted: &[Line]) -> Vec<usize> {
    let place: HashMap<Vec<Cow<'_, str>>, usize> =
        there.filter_map(|at| Some((tagged[at].rule.words()?, at))).collect();
    let mut kept: Vec<usize> = Vec::new();
    for line in wanted {
        match place.get(line.words.as_slice()) {
            Some(&at) if kept.last().is_none_or(|&before| before < at) => kept.push(at),
            _ => break,
        }
    }
    kept
}
