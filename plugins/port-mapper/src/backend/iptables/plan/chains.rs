//! What tagged rules need around them: their chains, the jumps to these, and the guard.
//!
//! They are created with the first rule that needs them, repaired with every change, and removed
//! with the last rule.

use std::collections::{BTreeSet, HashSet};

use super::change::{Plan, TableChange};
use crate::backend::interface::Guard;
use crate::backend::iptables::desired::{self, GUARD, MASQ};
use crate::backend::iptables::observed::{
    Observed, ObservedRule, ObservedTable, Tables, TaggedRule,
};
use crate::backend::iptables::rule::Rule;
use crate::family::Family;

/// The observed rules, and what is to be done with those that have a tag.
pub(super) struct PlanInput<'a> {
    pub(super) observed: &'a Observed<'a>,
    pub(super) tagged: &'a [TaggedRule<'a>],
    pub(super) edits: TaggedEdits,
    /// The tag of the rules to append, if their owner is reached through 127.0.0.1.
    pub(super) localhost_tag: Option<String>,
    /// A chain to reconcile even if no edit touches it.
    pub(super) chain: Option<&'a str>,
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
pub(super) fn plan(input: PlanInput<'_>) -> Plan {
    let localhost = localhost_tags(&input);
    let mut nat = TableChange::default();
    for chain in affected_chains(&input) {
        reconcile_chain(&input, &localhost, &chain, &mut nat);
    }
    let deleted = input.edits.delete.iter();
    nat.delete.extend(deleted.map(|&at| input.tagged[at].rule.to_rule()));
    let needs_guard = input.guard == Guard::Needed
        || !localhost.is_empty()
        || input.observed.omitted.of(MASQ).serve_localhost;
    let raw = reconcile_guard(&input, needs_guard);
    // After the jumps; among deletions the order has no meaning.
    nat.append.extend(input.edits.append);
    Plan { raw, nat, raw_last: !needs_guard }
}

/// Returns the tags of the owners that are reached through 127.0.0.1 after the change.
fn localhost_tags<'a>(input: &'a PlanInput<'_>) -> HashSet<&'a str> {
    let left = input.tagged.iter().enumerate().filter(|(at, _)| !input.edits.delete.contains(at));
    left.filter(|(_, tagged)| tagged.serves_localhost())
        .map(|(_, tagged)| &*tagged.tag)
        .chain(input.localhost_tag.as_deref())
        .collect()
}

/// Returns the chains to reconcile. None is a built-in one, although the original could be made to
/// add rules to those.
fn affected_chains(input: &PlanInput<'_>) -> BTreeSet<String> {
    let touched = input.edits.delete.iter().map(|&at| input.tagged[at].rule.chain);
    let named = touched.chain(input.chain).chain([MASQ]);
    let existing = named.filter(|chain| input.observed.nat.has(chain)).map(str::to_owned);
    existing.chain(input.edits.append.iter().map(|rule| rule.chain.to_string())).collect()
}

/// Creates or removes a chain of the nat table and its jumps, or repairs them.
fn reconcile_chain(
    input: &PlanInput<'_>,
    localhost: &HashSet<&str>,
    chain: &str,
    nat: &mut TableChange,
) {
    let table = &input.observed.nat;
    let jumps = Jumps::to(chain, input.observed.family);
    let existing = rules_of(table, |rule| rule.jumps_to(chain));
    let remaining = Remaining::new(input, localhost, chain);
    if remaining.has_tagged {
        if !table.has(chain) {
            nat.create.push(chain.to_owned());
        }
        jumps.reconcile(&existing, remaining.serve_localhost, nat);
    } else if remaining.is_empty && existing.iter().all(|jump| jumps.contains(jump)) {
        // If another program jumps to the chain, it is kept, since that jump needs its target.
        nat.delete.extend(existing);
        nat.delete_chains.extend(table.has(chain).then(|| chain.to_owned()));
    }
}

/// The rules of a chain after the change.
struct Remaining {
    /// Whether there is none, whichever program made it.
    is_empty: bool,
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
            has_tagged: !kept.is_empty() || omitted.count > 0 || is_appended,
            serve_localhost: omitted.serve_localhost
                || kept.iter().any(|&at| localhost.contains(&*input.tagged[at].tag))
                || (is_appended && input.localhost_tag.is_some()),
        }
    }
}

/// The jumps to a chain.
struct Jumps {
    /// Those that it always has.
    always: Vec<Rule>,
    /// The one that it has if an owner is reached through 127.0.0.1.
    localhost: Option<Rule>,
    /// Whether they must be the first rules of their chains.
    first: bool,
}

impl Jumps {
    fn to(chain: &str, family: Family) -> Self {
        if chain == MASQ {
            return Self { always: vec![desired::masquerade_jump()], localhost: None, first: true };
        }
        let localhost = (family == Family::V4).then(|| desired::localhost_jump(chain));
        Self { always: desired::network_jumps(chain, family), localhost, first: false }
    }

    fn contains(&self, jump: &Rule) -> bool {
        self.always.contains(jump) || self.localhost.as_ref() == Some(jump)
    }

    fn reconcile(&self, existing: &[Rule], for_localhost: bool, nat: &mut TableChange) {
        for jump in &self.always {
            if self.first && !existing.contains(jump) {
                nat.insert.push(jump.clone());
            } else {
                set_copies(1, jump, existing, nat);
            }
        }
        if let Some(jump) = &self.localhost {
            set_copies(usize::from(for_localhost), jump, existing, nat);
        }
    }
}

/// Deletes surplus copies of a rule, or appends missing ones.
fn set_copies(desired: usize, rule: &Rule, existing: &[Rule], change: &mut TableChange) {
    let count = existing.iter().filter(|other| *other == rule).count();
    change.delete.extend((desired..count).map(|_| rule.clone()));
    change.append.extend((count..desired).map(|_| rule.clone()));
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
        set_copies(1, &rule, &existing, change);
    }
    let jump = desired::guard_jump();
    if existing.contains(&jump) {
        set_copies(1, &jump, &existing, change);
    } else {
        change.insert.push(jump);
    }
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
