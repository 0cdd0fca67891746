//! Names of cases on the command line.

use cni_conformance::spec::requirement::Requirement;
use cni_conformance::spec::requirements;
use cni_protocol::keys::distance;

use super::values::Suggested;

/// A name of a case: the beginning of an id, or a code. Completions offer the ids.
pub(super) fn case() -> Suggested {
    Suggested(|| requirements::all().map(|requirement| requirement.id).collect())
}

/// How many similar names a message contains.
const MOST: usize = 3;

/// Returns the requirements that these names match; all if there are no names.
pub(super) fn matching(names: &[String]) -> Vec<&'static Requirement> {
    let is_named = |requirement: &&Requirement| {
        names.is_empty() || names.iter().any(|name| is_match(requirement, name))
    };
    requirements::all().filter(is_named).collect()
}

fn is_match(requirement: &Requirement, name: &str) -> bool {
    requirement.id.starts_with(name) || requirement.code == name
}

/// Returns a message for each of these names that matches no requirement.
pub(super) fn unknown(names: &[String]) -> Vec<String> {
    let is_unknown = |name: &&String| !requirements::all().any(|one| is_match(one, name));
    names.iter().filter(is_unknown).map(|name| message(name)).collect()
}

fn message(name: &str) -> String {
    let near = nearest(name);
    match near.is_empty() {
        true => format!("no case is named {name}; `cni-conformance list` prints all names"),
        false => format!("no case is named {name}; did you mean {}?", near.join(" or ")),
    }
}

/// Returns the ids and codes that contain the name, or else those that differ from it least.
fn nearest(name: &str) -> Vec<&'static str> {
    let lower = name.to_ascii_lowercase();
    let known = || requirements::all().flat_map(|one| [one.id, one.code]);
    let contains = |one: &&str| one.to_ascii_lowercase().contains(&lower);
    let containing: Vec<_> = known().filter(contains).take(MOST).collect();
    if !containing.is_empty() {
        return containing;
    }
    let mut near: Vec<(usize, &str)> =
        known().map(|one| (distance(&lower, &one.to_ascii_lowercase()), one)).collect();
    near.retain(|(distance, _)| *distance <= 1 + name.len() / 5);
    near.sort_unstable();
    near.into_iter().map(|(_, one)| one).take(MOST).collect()
}
