//! Decides what has to change: from the picture and what is wanted. Touches nothing.

use std::collections::{BTreeSet, HashMap, HashSet};

use cni_netlink::nftables::{Element, Operation, Transaction};

use super::branches::{self, Branch};
use super::edit::Edit;
use super::entries::{self, Entry};
use super::layout;
use super::picture::Picture;
use super::places::{Map, Place, Role};
use crate::claim::Claim;
use crate::conflict::{Conflict, Index};
use crate::error::Error;
use crate::family::Family;
use crate::owner::{Owner, RuleTag};

/// What a claim wants.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) branch: Branch,
    pub(super) entries: Vec<Entry>,
    guard: bool,
}

impl Wanted {
    pub(super) fn by(claim: &Claim) -> Self {
        let branch = branches::of(claim);
        let entries = entries::wanted(claim, &branch);
        Self { branch, entries, guard: claim.serves_localhost() }
    }
}

/// What to do, and whose elements go since they are gone.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) transaction: Transaction,
    pub(super) replaced: BTreeSet<Owner>,
}

/// What makes the owner's elements those of the claim. `None`: more has to be seen first.
///
/// # Errors
///
/// [`Error::Conflict`] with every host port that belongs to a holder who is not stale.
pub(super) fn install(
    picture: &Picture,
    claim: &Claim,
    wanted: &Wanted,
    is_stale: &dyn Fn(&Owner) -> bool,
) -> Result<Option<Decision>, Error> {
    let tag = claim.owner.tag();
    let stale = in_the_way(picture, claim, &tag, is_stale)?;
    if !stale.is_empty() && !picture.is_whole {
        return Ok(None); // all of a container that is gone goes, not only what is in the way
    }
    let mut edit = Edit::new(picture);
    stand(&mut edit, wanted);
    let goes = |element: &Element| element.comment.as_ref().is_some_and(|tag| stale.contains(tag));
    for (place, element) in picture.elements.iter().filter(|(_, element)| goes(element)) {
        edit.delete(place, element);
    }
    exchange(&mut edit, picture, &tag, &wanted.entries);
    edit.prune();
    let replaced = stale.iter().map(|tag| holder(tag)).collect();
    Ok(Some(Decision { transaction: edit.finish(), replaced }))
}

/// What is missing or too much, from the view of somebody who expected nothing to do.
pub(super) fn differences(picture: &Picture, claim: &Claim, wanted: &Wanted) -> Vec<String> {
    if !picture.has_table {
        return vec![format!("missing: table {}", layout::table())];
    }
    let mut edit = Edit::new(picture);
    stand(&mut edit, wanted);
    exchange(&mut edit, picture, &claim.owner.tag(), &wanted.entries);
    let transaction = edit.finish();
    let shown = |operation: &Operation| match operation {
        Operation::AddRule(_) | Operation::AddElement(..) => {
            let text = transaction.show(operation);
            Some(format!("missing: {}", text.strip_prefix("add ").unwrap_or(&text)))
        }
        Operation::DeleteElement(..) => {
            let text = transaction.show(operation);
            Some(format!("too much: {}", text.strip_prefix("delete ").unwrap_or(&text)))
        }
        _ => None,
    };
    transaction.operations().iter().filter_map(shown).collect()
}

/// What removes every element with the owner's tag, and with the last element of all the table. `None`: more has to be
/// seen first.
pub(super) fn remove(picture: &Picture, tag: &str, keep_guard: bool) -> Option<Transaction> {
    let mut edit = Edit::new(picture);
    if !picture.has_table {
        return Some(edit.finish());
    }
    for (place, element) in picture.tagged(tag) {
        edit.delete(place, element);
    }
    edit.prune();
    if keep_guard || edit.leaves_branches() {
        return Some(edit.finish());
    }
    if !picture.is_whole {
        return None; // nobody seems to be left, but rules can be flushed where elements are not
    }
    if edit.leaves_elements() || edit.has_foreign_rules() {
        return Some(edit.finish());
    }
    Some(edit.delete_table())
}

/// Puts up the chains, sets and rules that the claim's elements need.
pub(super) fn stand(edit: &mut Edit<'_>, wanted: &Wanted) {
    edit.stand(wanted.guard);
    let used: HashSet<Map> = wanted.entries.iter().map(|entry| entry.place.map).collect();
    edit.branch(&wanted.branch, &used);
}

/// Deletes what the owner has and does not want, and adds what it wants and has not.
fn exchange<'a>(edit: &mut Edit<'a>, picture: &'a Picture, tag: &str, wanted: &[Entry]) {
    let by_place: HashMap<&Place, &Entry> =
        wanted.iter().map(|entry| (&entry.place, entry)).collect();
    let mut kept = HashSet::new();
    for (place, element) in picture.tagged(tag) {
        match by_place.get(place) {
            Some(entry) if element.value == entry.value => {
                kept.insert(place);
            }
            _ => edit.delete(place, element),
        }
    }
    let new: Vec<&Entry> = wanted.iter().filter(|entry| !kept.contains(&entry.place)).collect();
    let maps = new.iter().map(|entry| entry.place.map).filter(|map| map.role == Role::Ports);
    maps.collect::<BTreeSet<Map>>().into_iter().for_each(|map| edit.ports(map));
    new.into_iter().for_each(|entry| edit.add(entry, tag));
}

/// The tags of holders that are gone and have host ports that the claim wants.
fn in_the_way(
    picture: &Picture,
    claim: &Claim,
    tag: &str,
    is_stale: &dyn Fn(&Owner) -> bool,
) -> Result<BTreeSet<String>, Error> {
    let indices = Family::ALL.map(|family| Index::new(&claim.mappings, family));
    let mut judged: HashMap<&str, bool> = HashMap::new();
    let mut conflicts = Vec::new();
    for (place, element) in &picture.elements {
        let its = element.comment.as_deref().unwrap_or_default();
        // What was deleted by halves still belongs to somebody; what is whole is told once.
        let is_told =
            place.map.role != Role::Ports && picture.elements.contains_key(&place.of_owner());
        if its == tag || is_told {
            continue;
        }
        let Some(taken) = place.taken() else { continue };
        let Some(mapping) = indices[place.map.family as usize].overlap(&taken) else { continue };
        if !*judged.entry(its).or_insert_with(|| is_stale(&holder(its))) {
            conflicts.push(Conflict { mapping, ports: taken, owner: holder(its) });
        }
    }
    if conflicts.is_empty() {
        return Ok(judged.into_keys().map(str::to_owned).collect());
    }
    conflicts.sort_by_key(|conflict| (conflict.ports.first, conflict.ports.last));
    Err(Error::Conflict(conflicts))
}

/// Whose an element is. One without a tag was made by somebody by hand.
pub(super) fn holder(tag: &str) -> Owner {
    Owner::parse(tag).unwrap_or_else(|| Owner::Original { container_id: tag.to_owned() })
}
