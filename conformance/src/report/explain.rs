//! A requirement, for people.

use std::fmt::Write;

use crate::spec::case::Case;
use crate::spec::requirement::Requirement;

/// One requirement and its case, for people.
pub fn explain(requirement: &Requirement, case: Option<&Case>) -> String {
    let words = |list: Vec<String>| list.join(", ");
    let mut text = format!(
        "{} ({})\n  {}\n  weight    {}\n  written   {}\n  versions  {} to {}\n  verbs     {}\n  profiles  {}\n",
        requirement.id,
        requirement.code,
        requirement.sentence,
        weight(requirement),
        place(requirement),
        requirement.since,
        requirement.until,
        words(requirement.verbs.iter().map(ToString::to_string).collect()),
        words(requirement.profiles.iter().map(ToString::to_string).collect()),
    );
    match (case, requirement.untestable) {
        (Some(case), _) => {
            let _ = writeln!(text, "  the case  {}", case.does);
        }
        (None, why) => {
            let why = why.unwrap_or("nobody has written a case yet");
            let _ = writeln!(text, "  no case   {why}");
        }
    }
    text
}

fn weight(requirement: &Requirement) -> String {
    match requirement.exception {
        Some((version, severity)) => format!("{} ({severity} in {version})", requirement.severity),
        None => requirement.severity.to_string(),
    }
}

fn place(requirement: &Requirement) -> String {
    let section = requirement.section;
    match section.link() {
        Some(link) => format!("{} {link}", section.title()),
        None => section.title().to_owned(),
    }
}
