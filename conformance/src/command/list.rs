//! `list` and `explain`.

use cni_conformance::requirements::{self, Requirement};
use cni_conformance::{cases, report};

use super::{CONFORMS, NOTHING_MATCHED};

fn matching(names: &[String]) -> Vec<&'static Requirement> {
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

/// Prints all about the cases that are named.
pub(super) fn explain(names: &[String]) -> Result<u8, String> {
    if names.is_empty() {
        return Err("explain which case? `cni-conformance list` shows them".to_owned());
    }
    let found = matching(names);
    for requirement in &found {
        println!("{}", report::explain(requirement, cases::find(requirement.id)));
        println!("  by hand   cni-conformance run PLUGIN {} --keep", requirement.id);
    }
    Ok(if found.is_empty() { NOTHING_MATCHED } else { CONFORMS })
}
