//! Human-readable descriptions of requirements.

use std::fmt::Write;

use crate::severity::Severity;
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
    text.push_str(&sentences(requirement));
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

/// Returns the severities with their versions: `must (1.0.0, 1.1.0), should (0.4.0)`.
fn severity(requirement: &Requirement) -> String {
    let parts = Severity::ALL.into_iter().filter_map(|severity| {
        let versions = requirement.versions();
        let versions = versions.filter(|version| requirement.severity_in(*version) == severity);
        let versions: Vec<String> = versions.map(|version| version.to_string()).collect();
        (!versions.is_empty()).then(|| format!("{severity} ({})", versions.join(", ")))
    });
    parts.collect::<Vec<String>>().join(", ")
}

fn section(requirement: &Requirement) -> String {
    let section = requirement.section;
    match section.link() {
        Some(link) => format!("{} {link}", section.title()),
        None => section.title().to_owned(),
    }
}

/// Returns a line for each version whose text has a sentence for it.
fn sentences(requirement: &Requirement) -> String {
    let found = requirement.versions().filter_map(|version| requirement.sentence_in(version));
    found
        .map(|sentence| {
            let (text, demand) = (&sentence.text, sentence.demand.to_string());
            format!("  in {text:7} {demand:8}  {}\n", sentence.link())
        })
        .collect()
}
