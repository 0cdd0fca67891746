//! What tagged rules need around them: their chains, the jumps to these, and the guard.
//!
//! They are created with the first rule that needs them, repaired with every install, and removed
//! with the last rule. What another program made is neither removed nor repaired.

use std::collections::{BTreeSet, HashSet};

use cni_wrapper::Attachment;

use super::change::{Plan, TableChange};
use super::jumps::{Jumps, delete_beyond};
use super::origin::{ChainState, KnownChains, Maker, NoteChanges, maker, on_first_use, when_kept};
use crate::backend::interface::{ChainNote, ChainOrigin, Guard, Jump};
use crate::backend::iptables::desired::{self, GUARD, MASQ};
use crate::backend::iptables::observed::{
    Observed, ObservedRule, ObservedTable, Tables, TaggedRule,
};
use crate::backend::iptables::rule::Rule;
use crate::backend::iptables::well_known::is_well_known;
use crate::family::Family;
use crate::ordered;

/// The observed rules, and what is to be done with those that have a tag.
pub(super) struct PlanInput<'a> {
    pub(super) observed: &'a Observed<'a>,
    pub(super) tagged: &'a [TaggedRule<'a>],
    pub(super) edits: TaggedEdits,
    /// The tag of the rules to append, if their owner is reached through 127.0.0.1.
    pub(super) localhost_tag: Option<String>,
    /// The chain of the claim to install. A removal has none: it creates nothing.
    pub(super) chain: Option<&'a str>,
    /// The chain of the claim to remove: it has had rules of ours, even if it was flushed.
    pub(super) used_chain: Option<&'a str>,
    /// The owner of the claim, or of the rules to remove.
    pub(super) owner: &'a Attachment,
    /// What is known about who made chains.
    pub(super) known: KnownChains<'a>,
    /// Whether the guard must exist although no rule shows that.
    pub(super) guard: Guard,
    /// Whether a guard that nothing needs is removed.
    pub(super) may_remove_guard: bool,
}

/// Tagged rules to delete (by their index) and to append.
pub(super) struct TaggedEdits {
    pub(super) delete: BTreeSet<usize>,
    pub(super) append: Vec<Rule>,
}

/// Plans the edits together with all that they require.
pub(super) fn plan(input: PlanInput<'_>) -> (Plan, NoteChanges) {
    let localhost = localhost_tags(&input);
    let (mut nat, mut notes) = (TableChange::default(), NoteChanges::default());
    notes.before.extend(note_of_first_use(&input));
    for chain in affected_chains(&input) {
        reconcile_chain(&input, &localhost, &chain, &mut nat, &mut notes);
    }
    let deleted = input.edits.delete.iter();
    nat.delete.extend(deleted.map(|&at| input.tagged[at].rule.to_rule()));
    let needs_guard = input.guard == Guard::Needed
        || !localhost.is_empty()
        || input.observed.omitted.of(MASQ).serve_localhost;
    let raw = reconcile_guard(&input, needs_guard);
    // After the jumps; among deletions the order has no meaning.
    nat.append.extend(input.edits.append);
    (Plan { raw, nat, raw_last: !needs_guard }, notes)
}

/// Returns the tags of the owners that are reached through 127.0.0.1 after the change.
fn localhost_tags<'a>(input: &'a PlanInput<'_>) -> HashSet<&'a str> {
    let left = input.tagged.iter().enumerate().filter(|(at, _)| !input.edits.delete.contains(at));
    left.filter(|(_, tagged)| tagged.serves_localhost())
        .map(|(_, tagged)| &*tagged.tag)
        .chain(input.localhost_tag.as_deref())
        .collect()
}

impl PlanInput<'_> {
    /// Reports whether the claim to install needs the chain.
    fn needs(&self, chain: &str) -> bool {
        self.chain.is_some_and(|own| chain == own || chain == MASQ)
    }

    /// Reports whether a chain has a rule with a tag before the change.
    pub(super) fn is_in_use(&self, chain: &str) -> bool {
        self.observed.omitted.of(chain).count > 0
            || self.tagged.iter().any(|tagged| tagged.rule.chain == chain)
    }

    fn state(&self, chain: &str) -> ChainState {
        match self.observed.nat.has(chain) {
            _ if self.is_in_use(chain) => ChainState::InUse,
            true => ChainState::Unused,
            false => ChainState::Absent,
        }
    }

    fn note(&self, chain: &str) -> Option<&ChainOrigin> {
        self.known.note(self.observed.family, chain)
    }

    /// Returns who made a chain to which these jumps lead.
    fn maker(&self, chain: &str, jumps: &Jumps, existing: &[Rule]) -> Maker {
        let is_claimed = || self.used_chain == Some(chain) || self.known.is_claimed(chain, None);
        let existing = jumps.kinds(existing);
        maker(chain, self.state(chain), self.note(chain), &existing, is_claimed)
    }
}

/// Returns what is to be recorded if the claim's chain gets its first rule with a tag.
fn note_of_first_use(input: &PlanInput<'_>) -> Option<ChainNote> {
    let chain = input.chain.filter(|chain| !input.is_in_use(chain))?;
    input.edits.append.iter().find(|rule| rule.chain == chain)?;
    let Observed { family, nat, .. } = input.observed;
    let jumps = Jumps::to(chain, *family);
    let maker = input.maker(chain, &jumps, &rules_of(nat, |rule| rule.jumps_to(chain)));
    let origin = on_first_use(input.state(chain), input.note(chain), maker)?;
    Some(ChainNote { family: *family, chain: chain.to_owned(), origin })
}

/// Returns the chains to reconcile: those that the claim needs, those that lose a rule or have lost
/// it, and the one that only we use. None is a built-in one, although the original could be made to
/// add rules to those.
fn affected_chains(input: &PlanInput<'_>) -> BTreeSet<String> {
    let touched = input.edits.delete.iter().map(|&at| input.tagged[at].rule.chain);
    let named = input.chain.into_iter().chain(input.used_chain).chain([MASQ]);
    let existing = touched.chain(named).filter(|chain| input.observed.nat.has(chain));
    let appended = input.edits.append.iter().map(|rule| rule.chain.to_string());
    ordered::set(existing.map(str::to_owned).chain(appended))
}

/// Creates a chain of the nat table and its jumps, or repairs them; or removes what is not needed
/// any more.
fn reconcile_chain(
    input: &PlanInput<'_>,
    localhost: &HashSet<&str>,
    chain: &str,
    nat: &mut TableChange,
    notes: &mut NoteChanges,
) {
    let table = &input.observed.nat;
    let jumps = Jumps::to(chain, input.observed.family);
    let existing = rules_of(table, |rule| rule.jumps_to(chain));
    let remaining = Remaining::new(input, localhost, chain);
    let is_retired = remaining.is_touched || chain == MASQ || input.used_chain == Some(chain);
    if !remaining.has_tagged && !is_retired {
        return;
    }
    let maker = input.maker(chain, &jumps, &existing);
    if !remaining.has_tagged {
        let is_deleted = retire_chain(&maker, &jumps, &existing, remaining.is_empty, chain, nat);
        notes.after.extend(note_of_retired(input, chain, &maker, is_deleted));
        return;
    }
    if input.needs(chain) {
        nat.create.extend((!table.has(chain)).then(|| chain.to_owned()));
        jumps.add(&existing, remaining.serve_localhost, nat);
        // The original, which is the likeliest maker of a chain that is used for the first time,
        // leaves copies of its jumps. The order of equal rules means nothing.
        let is_first_use = input.note(chain).is_none() && !is_well_known(chain);
        if maker == Maker::PortMapper || is_first_use {
            jumps.delete_copies(&existing, nat);
        }
    }
    let is_others = |jump| matches!(&maker, Maker::Other(Some(before)) if before.contains(&jump));
    if !is_others(Jump::Localhost) {
        jumps.delete_localhost(&existing, remaining.serve_localhost, nat);
    }
}

/// Removes a chain that has lost its last rule with a tag, together with its jumps. Of another
/// program's chain, only the jumps that it did not have before are removed. Returns whether the
/// chain is deleted.
fn retire_chain(
    maker: &Maker,
    jumps: &Jumps,
    existing: &[Rule],
    is_empty: bool,
    chain: &str,
    nat: &mut TableChange,
) -> bool {
    // If another program jumps to the chain, it is kept, since that jump needs its target.
    let is_unused = is_empty && existing.iter().all(|jump| jumps.contains(jump));
    match maker {
        Maker::Other(Some(before)) => jumps.delete_except(before, existing, nat),
        Maker::PortMapper if is_unused => {
            nat.delete.extend_from_slice(existing);
            nat.delete_chains.push(chain.to_owned());
            return true;
        }
        // Which of the other jumps are in use is not known. Only we make this one.
        _ => jumps.delete_localhost(existing, false, nat),
    }
    false
}

/// Returns how the note of a chain changes that has no rule with a tag any more.
fn note_of_retired(
    input: &PlanInput<'_>,
    chain: &str,
    maker: &Maker,
    is_deleted: bool,
) -> Option<(String, Option<ChainOrigin>)> {
    let note = input.note(chain)?;
    let after = match maker {
        _ if is_deleted => None,
        Maker::PortMapper => when_kept(chain, Some(note)),
        // Containers whose rules were flushed will have them again.
        Maker::Other(_) if input.known.is_claimed(chain, Some(input.owner)) => return None,
        Maker::Other(_) => None,
    };
    Some((chain.to_owned(), after))
}

/// The rules of a chain after the change.
struct Remaining {
    /// Whether there is none, whichever program made it.
    is_empty: bool,
    /// Whether a rule is deleted.
    is_touched: bool,
    /// Whether there are rules with a tag.
    has_tagged: bool,
    /// Whether the owner of one of these is reached through 127.0.0.1.
    serve_localhost: bool,
}

impl Remaining {
    fn new(input: &PlanInput<'_>, localhost: &HashSet<&str>, chain: &str) -> Self {
        let (delete, append) = (&input.edits.delete, &input.edits.append);
        let omitted = input.observed.omitted.of(chain);
        let is_appended = append.iter().any(|rule| rule.chain == chain);
        let listed = input.observed.nat.rules.iter().filter(|rule| rule.chain == chain).count();
        let (deleted, kept): (Vec<usize>, Vec<usize>) = (0..input.tagged.len())
            .filter(|&at| input.tagged[at].rule.chain == chain)
            .partition(|at| delete.contains(at));
        Self {
            is_empty: listed + omitted.count == deleted.len() && !is_appended,
            is_touched: !deleted.is_empty(),
            has_tagged: !kept.is_empty() || omitted.count > 0 || is_appended,
            serve_localhost: omitted.serve_localhost
                || kept.iter().any(|&at| localhost.contains(&*input.tagged[at].tag))
                || (is_appended && input.localhost_tag.is_some()),
        }
    }
}

/// The guard is IPv4's.
fn reconcile_guard(input: &PlanInput<'_>, is_needed: bool) -> TableChange {
    let mut raw = TableChange::default();
    let observed = input.observed;
    if observed.family == Family::V4 && observed.tables == Tables::NatAndRaw {
        if is_needed {
            install_guard(&observed.raw, &mut raw);
        } else if input.may_remove_guard {
            remove_guard(&observed.raw, &mut raw);
        }
    }
    raw
}

/// Plans the creation of the guard, or of what is missing of it.
pub(super) fn guard(observed: &Observed<'_>) -> Plan {
    let mut raw = TableChange::default();
    install_guard(&observed.raw, &mut raw);
    Plan { raw, ..Plan::default() }
}

fn install_guard(table: &ObservedTable<'_>, change: &mut TableChange) {
    if !table.has(GUARD) {
        change.create.push(GUARD.to_owned());
    }
    let existing = guard_and_jumps(table);
    for rule in desired::guard_rules() {
        delete_beyond(1, &rule, &existing, change);
        change.append.extend((!existing.contains(&rule)).then_some(rule));
    }
    let jump = desired::guard_jump();
    delete_beyond(1, &jump, &existing, change);
    change.insert.extend((!existing.contains(&jump)).then_some(jump));
}

/// Removes the guard's rules, and its chain unless another program uses it.
fn remove_guard(table: &ObservedTable<'_>, change: &mut TableChange) {
    if !table.has(GUARD) {
        return;
    }
    let is_ours =
        |rule: &Rule| *rule == desired::guard_jump() || desired::guard_rules().contains(rule);
    let (ours, foreign): (Vec<Rule>, Vec<Rule>) =
        guard_and_jumps(table).into_iter().partition(is_ours);
    let keep_chain = !foreign.is_empty();
    change.delete.extend(ours.into_iter().filter(|rule| !keep_chain || rule.chain == GUARD));
    if !keep_chain {
        change.delete_chains.push(GUARD.to_owned());
    }
}

fn guard_and_jumps(raw: &ObservedTable<'_>) -> Vec<Rule> {
    rules_of(raw, |rule| rule.chain == GUARD || rule.jumps_to(GUARD))
}

fn rules_of(table: &ObservedTable<'_>, matches: impl Fn(&ObservedRule<'_>) -> bool) -> Vec<Rule> {
    table.rules.iter().filter(|rule| matches(rule)).map(|rule| rule.to_rule()).collect()
}
