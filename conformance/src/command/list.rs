//! `list`.

use cni_conformance::spec::requirement::Requirement;
use cni_conformance::spec::{cases, requirements};

use super::{CONFORMS, NOTHING_MATCHED};

/// The requirements that are named, or all.
pub(super) fn matching(names: &[String]) -> Vec<&'static Requirement> {
    let named = |requirement: &Requirement| {
        let is = |name: &String| requirement.id.starts_with(name) || requirement.code == name;
        names.is_empty() || names.iter().any(is)
    };
    requirements::all().filter(|requirement| named(requirement)).collect()
}

/// Prints the cases, a line each.
pub(super) fn list(names: &[String]) -> u8 {
    let found = matching(names);
    for requirement in &found {
        let profiles: Vec<_> = requirement.profiles.iter().map(|one| one.as_str()).collect();
        let without = if cases::find(requirement.id).is_none() { "  (no case)" } else { "" };
        println!(
            "{:44} {:7} {:10} {} to {}  {}{without}",
            requirement.id,
            requirement.code,
            requirement.severity,
            requirement.since,
            requirement.until,
            profiles.join(" "),
        );
    }
    if found.is_empty() { NOTHING_MATCHED } else { CONFORMS }
}
