//! What the tagged rules need around them: chains, jumps to them, the guard. It comes with the first rule that
//! needs it, is repaired with each, and goes with the last.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

use super::change::{Change, Plan};
use super::plan::{Edits, Scope};
use super::rules::{self, GUARD, Line, MASQ};
use super::save::{Listing, Rule, Table};
use super::survey::Tagged;
use crate::family::Family;

/// What is there.
pub(super) struct Scene<'a> {
    pub(super) listing: &'a Listing<'a>,
    pub(super) scope: Scope,
    pub(super) family: Family,
    pub(super) tagged: &'a [Tagged<'a>],
    /// The tag of what is appended, when its owner is reached by 127.0.0.1.
    pub(super) localhost: Option<String>,
    /// The chain to look after even when the edits don't touch it.
    pub(super) chain: Option<&'a str>,
    /// Whether the guard stays where it is when nobody needs it.
    pub(super) keep_guard: bool,
}

/// The whole change: the edits, and what they bring with them.
pub(super) fn plan(scene: &Scene<'_>, edits: Edits) -> Plan {
    let by_localhost = reached_by_localhost(scene, &edits);
    let mut nat = Change::default();
    for chain in affected(scene, &edits) {
        tend(scene, &edits, &by_localhost, &chain, &mut nat);
    }
    nat.delete.extend(edits.delete.iter().map(|&at| whole(&scene.tagged[at].rule)));
    // Jumps were found first, rules follow: the order among deletions means nothing.
    nat.append.extend(edits.append);
    let mut raw = Change::default();
    let needed = !by_localhost.is_empty() || scene.listing.others.need_guard();
    if scene.family == Family::V4 && scene.scope == Scope::All {
        match needed {
            true => put_up_guard(&scene.listing.raw, &mut raw),
            false if scene.keep_guard => {}
            false => take_down_guard(&scene.listing.raw, &mut raw),
        }
    }
    Plan { raw, nat, raw_last: !needed }
}

/// The tags, after the change, of those whose containers are reached by 127.0.0.1.
fn reached_by_localhost<'a>(scene: &'a Scene<'_>, edits: &Edits) -> HashSet<&'a str> {
    let left = scene.tagged.iter().enumerate().filter(|(at, _)| !edits.delete.contains(at));
    left.filter(|(_, tagged)| tagged.is_for_localhost())
        .map(|(_, tagged)| &*tagged.tag)
        .chain(scene.localhost.as_deref())
        .collect()
}

/// Chains to look after. Never a built-in one: the original could be made to put rules there.
fn affected(scene: &Scene<'_>, edits: &Edits) -> BTreeSet<String> {
    let touched = edits.delete.iter().map(|&at| scene.tagged[at].rule.chain);
    let named = touched.chain(scene.chain).chain([MASQ]);
    let there = named.filter(|chain| scene.listing.nat.has(chain)).map(str::to_owned);
    there.chain(edits.append.iter().map(|line| line.chain.to_string())).collect()
}

fn tend(
    scene: &Scene<'_>,
    edits: &Edits,
    by_localhost: &HashSet<&str>,
    chain: &str,
    nat: &mut Change,
) {
    let table = &scene.listing.nat;
    let (standard, optional) = jumps(chain, scene.family);
    let references: Vec<Line> =
        table.rules.iter().filter(|rule| rule.leads_to(chain)).map(whole).collect();
    let ours =
        |reference: &&Line| standard.contains(reference) || optional.as_ref() == Some(*reference);
    if is_emptied(scene, edits, chain) {
        // Somebody else's jump would lead nowhere.
        if references.iter().all(|reference| ours(&reference)) {
            nat.delete.extend(references);
            nat.drop.extend(table.has(chain).then(|| chain.to_owned()));
        }
        return;
    }
    let left = |at: &usize| scene.tagged[*at].rule.chain == chain && !edits.delete.contains(at);
    let left: Vec<usize> = (0..scene.tagged.len()).filter(left).collect();
    let comes = edits.append.iter().any(|line| line.chain == chain);
    let others = &scene.listing.others;
    if left.is_empty() && others.in_chain(chain) == 0 && !comes {
        return;
    }
    if !table.has(chain) {
        nat.create.push(chain.to_owned());
    }
    for jump in &standard {
        if chain == MASQ && !references.contains(jump) {
            nat.insert.push(jump.clone());
        } else {
            exactly(1, jump, &references, nat);
        }
    }
    if let Some(jump) = optional {
        let wanted = left.iter().any(|&at| by_localhost.contains(&*scene.tagged[at].tag))
            || others.need_localhost_in(chain)
            || (comes && scene.localhost.is_some());
        exactly(usize::from(wanted), &jump, &references, nat);
    }
}

/// The jumps that a chain always has, and the one that it has when 127.0.0.1 is served.
fn jumps(chain: &str, family: Family) -> (Vec<Line>, Option<Line>) {
    match chain {
        MASQ => (vec![rules::masquerade_jump()], None),
        _ => {
            let optional = (family == Family::V4).then(|| rules::localhost_jump(chain));
            (rules::jumps(chain, family), optional)
        }
    }
}

/// Whether no rule is left in the chain, be it ours or anybody's.
fn is_emptied(scene: &Scene<'_>, edits: &Edits, chain: &str) -> bool {
    let there = scene.listing.nat.rules.iter().filter(|rule| rule.chain == chain).count();
    let gone = edits.delete.iter().filter(|&&at| scene.tagged[at].rule.chain == chain).count();
    let there = there + scene.listing.others.in_chain(chain);
    there == gone && edits.append.iter().all(|line| line.chain != chain)
}

/// Sees to it that there are so many copies of a jump: surplus ones are deleted, a missing one is appended.
fn exactly(wanted: usize, jump: &Line, there: &[Line], change: &mut Change) {
    let count = there.iter().filter(|line| *line == jump).count();
    change.delete.extend((wanted..count).map(|_| jump.clone()));
    change.append.extend((count..wanted).map(|_| jump.clone()));
}

fn put_up_guard(raw: &Table<'_>, change: &mut Change) {
    if !raw.has(GUARD) {
        change.create.push(GUARD.to_owned());
    }
    let there = lines_of(raw, |rule| rule.chain == GUARD || rule.leads_to(GUARD));
    for rule in rules::guard() {
        exactly(1, &rule, &there, change);
    }
    let jump = rules::guard_jump();
    if there.contains(&jump) {
        exactly(1, &jump, &there, change);
    } else {
        change.insert.push(jump);
    }
}

fn take_down_guard(raw: &Table<'_>, change: &mut Change) {
    if !raw.has(GUARD) {
        return;
    }
    let there = lines_of(raw, |rule| rule.chain == GUARD || rule.leads_to(GUARD));
    let (ours, foreign): (Vec<Line>, Vec<Line>) = there
        .into_iter()
        .partition(|line| *line == rules::guard_jump() || rules::guard().contains(line));
    let keep_chain = !foreign.is_empty();
    change.delete.extend(ours.into_iter().filter(|line| !keep_chain || line.chain == GUARD));
    if !keep_chain {
        change.drop.push(GUARD.to_owned());
    }
}

fn lines_of(table: &Table<'_>, which: impl Fn(&Rule<'_>) -> bool) -> Vec<Line> {
    let rules = table.rules.iter().filter(|rule| which(rule));
    rules.map(whole).collect()
}

/// A rule that can't be divided into words is none of ours, but it is there.
pub(super) fn whole(rule: &Rule<'_>) -> Line {
    let own = |word: &str| Cow::Owned(word.to_owned());
    let words = rule.words().unwrap_or_default();
    Line { chain: own(rule.chain), words: words.iter().map(|word| own(word)).collect() }
}
