//! The decision what has to change, from the observed and the desired state. Pure: it touches
//! nothing.

use std::collections::{BTreeSet, HashMap, HashSet};

use cni_netlink::nftables::{Element, Operation, Transaction};

use super::desired::{Desired, DesiredElement};
use super::edit::Edit;
use super::layout;
use super::maps::{ElementId, Map, Role};
use super::observed::Observed;
use crate::claim::Claim;
use crate::conflict::{Conflict, MappingIndex};
use crate::error::Error;
use crate::family::Family;
use crate::owner::{Owner, RuleTag};

/// A transaction, and the owners whose elements it removes because they no longer exist.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) transaction: Transaction,
    pub(super) replaced: BTreeSet<Owner>,
}

/// Plans the changes that make the owner's elements those of the claim. Returns `None` if that
/// requires a complete observation.
///
/// # Errors
///
/// [`Error::Conflict`] with every host port that belongs to an owner that is not stale.
pub(super) fn install(
    observed: &Observed,
    claim: &Claim,
    desired: &Desired,
    is_stale: &dyn Fn(&Owner) -> bool,
) -> Result<Option<Decision>, Error> {
    let tag = claim.owner.tag();
    let stale = stale_owners(observed, claim, &tag, is_stale)?;
    if !stale.is_empty() && !observed.is_complete {
        // All elements of a stale owner are removed, not only those that conflict.
        return Ok(None);
    }
    let mut edit = Edit::new(observed);
    edit.ensure_rules(desired);
    let is_of_stale =
        |element: &Element| element.comment.as_ref().is_some_and(|tag| stale.contains(tag));
    for (id, element) in observed.elements.iter().filter(|(_, element)| is_of_stale(element)) {
        edit.delete(id, element);
    }
    reconcile_elements(&mut edit, observed, &tag, &desired.elements);
    edit.remove_unused_networks();
    let replaced = stale.iter().map(|tag| owner(tag)).collect();
    Ok(Some(Decision { transaction: edit.finish(), replaced }))
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
pub(super) fn remove(observed: &Observed, tag: &str, keep_guard: bool) -> Option<Transaction> {
    let mut edit = Edit::new(observed);
    if !observed.has_table {
        return Some(edit.finish());
    }
    for (id, element) in observed.tagged(tag) {
        edit.delete(id, element);
    }
    edit.remove_unused_networks();
    if keep_guard || edit.leaves_networks() {
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
    maps.collect::<BTreeSet<Map>>().into_iter().for_each(|map| edit.ensure_ports_map(map));
    missing.into_iter().for_each(|element| edit.add(element, tag));
}

/// Returns the tags of owners that no longer exist and have host ports of the claim.
fn stale_owners(
    observed: &Observed,
    claim: &Claim,
    tag: &str,
    is_stale: &dyn Fn(&Owner) -> bool,
) -> Result<BTreeSet<String>, Error> {
    let indices = Family::ALL.map(|family| MappingIndex::new(&claim.mappings, family));
    let mut stale: HashMap<&str, bool> = HashMap::new();
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
        if !*stale.entry(its).or_insert_with(|| is_stale(&owner(its))) {
            conflicts.push(Conflict { mapping, ports, owner: owner(its) });
        }
    }
    if conflicts.is_empty() {
        return Ok(stale.into_keys().map(str::to_owned).collect());
    }
    conflicts.sort_by_key(|conflict| (conflict.ports.first, conflict.ports.last));
    Err(Error::Conflict(conflicts))
}

/// Returns the owner of an element. One without a tag was added manually.
pub(super) fn owner(tag: &str) -> Owner {
    Owner::parse(tag).unwrap_or_else(|| Owner::OriginalPlugin { container_id: tag.to_owned() })
}
