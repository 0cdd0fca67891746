//! Human-readable descriptions of requirements.

use std::fmt::Write;

use crate::spec::case::Case;
use crate::spec::requirement::Requirement;

/// Returns a human-readable description of a requirement and its case.
pub fn explain(requirement: &Requirement, case: Option<&Case>) -> String {
    let list = |names: Vec<String>| names.join(", ");
    let mut text = format!(
        "{} ({})\n  {}\n  severity  {}\n  section   {}\n  versions  {} to {}\n  verbs     {}\n  \
         profiles  {}\n",
        requirement.id,
        requirement.code,
        requirement.sentence,
        severity(requirement),
        section(requirement),
        requirement.since,
        requirement.until,
        list(requirement.verbs.iter().map(ToString::to_string).collect()),
        list(requirement.profiles.iter().map(ToString::to_string).collect()),
    );
    match (case, requirement.untestable) {
        (Some(case), _) => {
            let _ = writeln!(text, "  the case  {}", case.does);
        }
        (None, why) => {
            let why = why.unwrap_or("no case has been written yet");
            let _ = writeln!(text, "  no case   {why}");
        }
    }
    text
}

fn severity(requirement: &Requirement) -> String {
    match requirement.exception {
        Some((version, severity)) => format!("{} ({severity} in {version})", requirement.severity),
        None => requirement.severity.to_string(),
    }
}

fn section(requirement: &Requirement) -> String {
    let section = requirement.section;
    match section.link() {
        Some(link) => format!("{} {link}", section.title()),
        None => section.title().to_owned(),
    }
}
