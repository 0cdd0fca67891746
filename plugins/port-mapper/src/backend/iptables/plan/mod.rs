//! The decision what has to change, from the observed rules and a claim. Pure: it touches nothing.
//!
//! This file decides about rules with an owner's tag, `chains` and `jumps` about what they need
//! around them.

mod chains;
mod change;
mod jumps;
mod origin;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use cni_wrapper::Attachment;

use super::desired;
use super::observed::{Observed, TaggedRule};
use super::rule::Rule;
use crate::backend::interface::{Guard, Hints};
use crate::claim::Claim;
use crate::conflict::{Conflict, Evidence, MappingIndex};
use crate::error::Error;
use crate::family::Family;
use crate::ordered;
use crate::owner::RuleTag;
use chains::{PlanInput, TaggedEdits};

pub use change::Plan;
pub use origin::{KnownChains, NoteChanges};

/// A plan, and what is to be recorded about its chains.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// The changes.
    pub plan: Plan,
    /// The changes of the record.
    pub notes: NoteChanges,
}

impl From<(Plan, NoteChanges)> for Decision {
    fn from((plan, notes): (Plan, NoteChanges)) -> Self {
        Self { plan, notes }
    }
}

/// Plans the changes that make the rules of the claim's owner those of the claim.
///
/// # Errors
///
/// [`Error::Conflict`] with every host port that belongs to another owner.
pub fn install(
    observed: &Observed<'_>,
    claim: &Claim,
    known: KnownChains<'_>,
    guard: Guard,
) -> Result<Decision, Error> {
    let tagged = observed.tagged();
    let displaced = displaced(&tagged, observed.family, claim)?;
    let mut edits = owner_edits(&tagged, claim, observed.family);
    edits.delete.extend(displaced);
    Ok(chains::plan(claim_input(observed, &tagged, claim, edits, known, guard)).into())
}

/// Plans like [`install`], but ignores conflicts with other owners: for CHECK.
pub fn compare(observed: &Observed<'_>, claim: &Claim, known: KnownChains<'_>) -> Plan {
    let tagged = observed.tagged();
    let edits = owner_edits(&tagged, claim, observed.family);
    chains::plan(claim_input(observed, &tagged, claim, edits, known, Guard::AsRulesRequire)).0
}

/// Plans like [`compare`], but counts the owner's rules instead of comparing them: for rules whose
/// conditions iptables lists in another form than they are written. [`expected`] has iptables
/// compare each of them.
pub fn compare_count(observed: &Observed<'_>, claim: &Claim, known: KnownChains<'_>) -> Plan {
    let tagged = observed.tagged();
    let mut edits = owner_edits(&tagged, claim, observed.family);
    if edits.delete.len() == edits.append.len() {
        edits = TaggedEdits { delete: BTreeSet::new(), append: Vec::new() };
    }
    chains::plan(claim_input(observed, &tagged, claim, edits, known, Guard::AsRulesRequire)).0
}

/// Returns the input of `iptables-restore --noflush` that changes nothing, and fails unless all
/// rules of the claim in a family exist.
///
/// # Errors
///
/// A word contains control characters, as none of a claim does.
pub fn expected(claim: &Claim, family: Family) -> Result<String, Error> {
    change::existence(&desired::tagged_rules(claim, family))
}

/// Returns the same for the rules that the claim's owner has, as they were listed.
///
/// # Errors
///
/// As [`expected`].
pub fn listed(observed: &Observed<'_>, claim: &Claim) -> Result<String, Error> {
    let tag = claim.owner.tag();
    let owned = observed.tagged().into_iter().filter(|tagged| tagged.tag == tag);
    change::existence(&owned.map(|tagged| tagged.rule.to_rule()).collect::<Vec<_>>())
}

/// Plans the deletion of the claim's rules in the form in which they were written.
pub fn retraction(claim: &Claim, family: Family) -> Plan {
    let delete = desired::tagged_rules(claim, family);
    Plan { nat: change::TableChange { delete, ..Default::default() }, ..Plan::default() }
}

/// Plans the creation of the guard, or of what is missing of it.
pub fn guard(observed: &Observed<'_>) -> Plan {
    chains::guard(observed)
}

/// Plans the removal of every rule of the owner, and of each chain whose last rule it is.
///
/// It creates neither chains nor jumps, and leaves a chain alone that has no rule of the owner,
/// unless its claim shows that it had one: another one may be another program's.
pub fn remove(
    observed: &Observed<'_>,
    owner: &Attachment,
    claim: Option<&Claim>,
    hints: &Hints,
    known: KnownChains<'_>,
) -> Decision {
    let tagged = observed.tagged();
    let (tag, original) = (owner.tag(), owner.original_tag());
    let is_owners = |tagged: &TaggedRule<'_>| {
        // The tag of the original does not name the network; the chain does.
        tagged.tag == tag
            || (hints.chain.as_deref() == Some(tagged.rule.chain) && tagged.tag == original)
    };
    let delete = ordered::set((0..tagged.len()).filter(|&index| is_owners(&tagged[index])));
    let input = PlanInput {
        observed,
        tagged: &tagged,
        edits: TaggedEdits { delete, append: Vec::new() },
        localhost_tag: None,
        chain: None,
        used_chain: claim.filter(|_| hints.had_rules).map(|claim| claim.chain.as_str()),
        owner,
        known,
        guard: hints.guard,
        may_remove_guard: hints.guard != Guard::Keep,
    };
    let named = claim.map(|claim| &claim.chain).or(hints.chain.as_ref());
    let unused = named.filter(|chain| !input.is_in_use(chain));
    let (plan, mut notes) = chains::plan(input);
    if let Some(chain) = unused.filter(|chain| notes.after.iter().all(|(name, _)| name != *chain)) {
        notes.after.extend(match observed.nat.has(chain) {
            true => origin::note_of_killed(observed.family, known, owner, chain),
            false => Some((chain.clone(), None)),
        });
    }
    Decision { plan, notes }
}

/// Returns what is to be recorded if a family cannot have rules of the owner, and is not listed.
pub fn remove_nothing(
    family: Family,
    owner: &Attachment,
    claim: Option<&Claim>,
    known: KnownChains<'_>,
) -> NoteChanges {
    let note = claim.and_then(|claim| origin::note_of_killed(family, known, owner, &claim.chain));
    NoteChanges { before: Vec::new(), after: note.into_iter().collect() }
}

fn claim_input<'a>(
    observed: &'a Observed<'a>,
    tagged: &'a [TaggedRule<'a>],
    claim: &'a Claim,
    edits: TaggedEdits,
    known: KnownChains<'a>,
    guard: Guard,
) -> PlanInput<'a> {
    let localhost = observed.family == Family::V4 && claim.serves_localhost();
    let localhost_tag = localhost.then(|| claim.owner.tag());
    PlanInput {
        observed,
        tagged,
        edits,
        localhost_tag,
        chain: Some(&claim.chain),
        used_chain: None,
        owner: &claim.owner,
        known,
        guard,
        may_remove_guard: false,
    }
}

/// Returns the rules of the same container that the original made before an upgrade, and which the
/// claim replaces.
fn displaced(
    tagged: &[TaggedRule<'_>],
    family: Family,
    claim: &Claim,
) -> Result<BTreeSet<usize>, Error> {
    let index = MappingIndex::of(claim, family);
    let (tag, original) = (claim.owner.tag(), claim.owner.original_tag());
    let mut displaced = BTreeSet::new();
    let mut conflicts = Vec::new();
    for (at, rule) in tagged.iter().enumerate().filter(|(_, rule)| rule.tag != tag) {
        let Some((ports, _)) = rule.host_ports() else { continue };
        let Some(mapping) = index.overlap(&ports) else { continue };
        if rule.tag == original {
            displaced.insert(at);
        } else {
            let evidence = Evidence::RulesOnly;
            conflicts.push(Conflict { mapping, ports, owner: rule.owner(), evidence });
        }
    }
    if conflicts.is_empty() { Ok(displaced) } else { Err(Error::conflict(conflicts)) }
}

/// Returns the smallest change from the owner's rules to the desired ones, in their order.
fn owner_edits(tagged: &[TaggedRule<'_>], claim: &Claim, family: Family) -> TaggedEdits {
    let tag = claim.owner.tag();
    let owned: Vec<usize> = (0..tagged.len()).filter(|&at| tagged[at].tag == tag).collect();
    let mut by_chain: BTreeMap<String, Vec<Rule>> = BTreeMap::new();
    let mut known = HashSet::new();
    for rule in desired::tagged_rules(claim, family) {
        // Two mappings can result in the same rule: one for all addresses, one for 0.0.0.0.
        if known.insert(rule.clone()) {
            by_chain.entry(rule.chain.to_string()).or_default().push(rule);
        }
    }
    let mut edits = TaggedEdits { delete: ordered::set(owned.iter().copied()), append: Vec::new() };
    for (chain, rules) in by_chain {
        let existing = owned.iter().copied().filter(|&at| tagged[at].rule.chain == chain);
        let kept = kept(tagged, existing, &rules);
        kept.iter().for_each(|at| {
            edits.delete.remove(at);
        });
        edits.append.extend(rules.into_iter().skip(kept.len()));
    }
    edits
}

/// Returns the existing rules that can stay: those that the desired ones begin with, in order,
/// since rules are only appended.
///
/// Of several copies the last one can stay, since a deletion takes the first.
fn kept(
    tagged: &[TaggedRule<'_>],
    existing: impl Iterator<Item = usize>,
    desired: &[Rule],
) -> Vec<usize> {
    let position: HashMap<Vec<Cow<'_, str>>, usize> =
        existing.filter_map(|at| Some((tagged[at].rule.words()?, at))).collect();
    let mut kept: Vec<usize> = Vec::new();
    for rule in desired {
        match position.get(rule.words.as_slice()) {
            Some(&at) if kept.last().is_none_or(|&before| before < at) => kept.push(at),
            _ => break,
        }
    }
    kept
}
