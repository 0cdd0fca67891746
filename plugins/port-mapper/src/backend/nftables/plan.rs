//! The decision what has to change, from the observed and the desired state. Pure: it touches
//! nothing.

use std::collections::{HashMap, HashSet};

use cni_netlink::nftables::{Operation, Transaction};

use super::desired::{Desired, DesiredElement};
use super::edit::Edit;
use super::layout;
use super::maps::{ElementId, Role};
use super::observed::Observed;
use crate::backend::interface::Guard;
use crate::claim::Claim;
use crate::conflict::{Conflict, Evidence, MappingIndex};
use crate::error::Error;
use crate::family::Family;
use crate::ordered;
use crate::owner::{Owner, RuleTag};

/// Plans the changes that make the owner's elements those of the claim.
///
/// # Errors
///
/// [`Error::Conflict`] with every host port that belongs to another owner.
pub(super) fn install(
    observed: &Observed,
    claim: &Claim,
    desired: &Desired,
) -> Result<Transaction, Error> {
    let tag = claim.owner.tag();
    refuse_conflicts(observed, claim, &tag)?;
    let mut edit = Edit::new(observed);
    edit.ensure_rules(desired);
    reconcile_elements(&mut edit, observed, &tag, &desired.elements);
    edit.remove_unused_networks();
    Ok(edit.finish())
}

/// Plans the creation of the guard, or of what is missing of it.
pub(super) fn guard(observed: &Observed) -> Transaction {
    let mut edit = Edit::new(observed);
    edit.ensure_guard();
    edit.finish()
}

/// Returns what is missing and what is unexpected, for a CHECK.
pub(super) fn differences(observed: &Observed, claim: &Claim, desired: &Desired) -> Vec<String> {
    if !observed.has_table {
        return vec![format!("missing: table {}", layout::table())];
    }
    let mut edit = Edit::new(observed);
    edit.ensure_rules(desired);
    reconcile_elements(&mut edit, observed, &claim.owner.tag(), &desired.elements);
    let transaction = edit.finish();
    let describe = |operation: &Operation| match operation {
        Operation::AddRule(_) | Operation::AddElement(..) => {
            let text = transaction.show(operation);
            Some(format!("missing: {}", text.strip_prefix("add ").unwrap_or(&text)))
        }
        Operation::DeleteElement(..) => {
            let text = transaction.show(operation);
            Some(format!("unexpected: {}", text.strip_prefix("delete ").unwrap_or(&text)))
        }
        _ => None,
    };
    transaction.operations().iter().filter_map(describe).collect()
}

/// Plans the removal of every element with the owner's tag, and of the table with the last element.
/// Returns `None` if that requires a complete observation.
pub(super) fn remove(observed: &Observed, tag: &str, guard: Guard) -> Option<Transaction> {
    let mut edit = Edit::new(observed);
    if guard == Guard::Needed {
        edit.ensure_guard();
    }
    if !observed.has_table {
        return Some(edit.finish());
    }
    for (id, element) in observed.tagged(tag) {
        edit.delete(id, element);
    }
    edit.remove_unused_networks();
    let is_guard_kept = match guard {
        Guard::Needed => true,
        Guard::Keep => observed.has_guard_chain(),
        Guard::AsRulesRequire => false,
    };
    if is_guard_kept || edit.leaves_networks() {
        return Some(edit.finish());
    }
    if !observed.is_complete {
        // No network has rules, but these may have been flushed while elements remain.
        return None;
    }
    if edit.leaves_elements() || edit.has_foreign_rules() {
        return Some(edit.finish());
    }
    Some(edit.delete_table())
}

/// Deletes the owner's elements that are not desired, and adds desired ones that are missing.
fn reconcile_elements<'a>(
    edit: &mut Edit<'a>,
    observed: &'a Observed,
    tag: &str,
    desired: &[DesiredElement],
) {
    let by_id: HashMap<&ElementId, &DesiredElement> =
        desired.iter().map(|element| (&element.id, element)).collect();
    let mut kept = HashSet::new();
    for (id, element) in observed.tagged(tag) {
        match by_id.get(id) {
            Some(desired) if element.value == desired.value => {
                kept.insert(id);
            }
            _ => edit.delete(id, element),
        }
    }
    let missing: Vec<&DesiredElement> =
        desired.iter().filter(|element| !kept.contains(&element.id)).collect();
    let maps = missing.iter().map(|element| element.id.map).filter(|map| map.role == Role::Ports);
    ordered::set(maps).into_iter().for_each(|map| edit.ensure_ports_map(map));
    missing.into_iter().for_each(|element| edit.add(element, tag));
}

fn refuse_conflicts(observed: &Observed, claim: &Claim, tag: &str) -> Result<(), Error> {
    let indices = Family::ALL.map(|family| MappingIndex::of(claim, family));
    let mut conflicts = Vec::new();
    for (id, element) in &observed.elements {
        let its = element.comment.as_deref().unwrap_or_default();
        // An element of another map counts only if its host ports have lost their owner: so each
        // conflict is reported once.
        let is_reported =
            id.map.role != Role::Ports && observed.elements.contains_key(&id.of_owner());
        if its == tag || is_reported {
            continue;
        }
        let Some(ports) = id.host_ports() else { continue };
        let Some(mapping) = indices[id.map.family as usize].overlap(&ports) else { continue };
        let evidence = Evidence::RulesOnly;
        conflicts.push(Conflict { mapping, ports, owner: owner(its), evidence });
    }
    conflicts.sort_unstable_by_key(|conflict| (conflict.ports.first, conflict.ports.last));
    if conflicts.is_empty() { Ok(()) } else { Err(Error::conflict(conflicts)) }
}

/// Returns the owner of an element. One without a tag was added manually.
pub(super) fn owner(tag: &str) -> Owner {
    Owner::parse(tag).unwrap_or_else(|| Owner::OriginalPlugin { container_id: tag.to_owned() })
}
