//! `list`.

use clap::Args;
use cni_conformance::spec::cases;
use cni_conformance::spec::requirement::Requirement;
use cni_protocol::SpecVersion;
use serde_json::{Map, Value, json};

use super::exit_status::ExitStatus;
use super::names::{case, matching, unknown};

/// List the requirements: id, code, severity, versions and profiles
#[derive(Args)]
pub(super) struct Arguments {
    /// Only these: the beginning of an id (`del`, `del.twice`), or a code (`DEL-02`)
    #[arg(value_name = "CASE", value_parser = case(), hide_possible_values = true)]
    cases: Vec<String>,
    /// Print everything about each requirement as JSON
    #[arg(long)]
    json: bool,
}

/// Prints the requirements, a line each.
pub(super) fn list(arguments: &Arguments) -> ExitStatus {
    let found = matching(&arguments.cases);
    if arguments.json {
        let catalogue: Vec<Value> = found.iter().copied().map(entry).collect();
        outln!("{:#}", json!(catalogue));
    } else {
        found.iter().for_each(|requirement| outln!("{}", line(requirement)));
    }
    let unknown = unknown(&arguments.cases);
    unknown.iter().for_each(|problem| errln!("cni-conformance: {problem}"));
    if unknown.is_empty() { ExitStatus::Success } else { ExitStatus::NothingMatched }
}

fn line(requirement: &Requirement) -> String {
    let profiles: Vec<_> = requirement.profiles.iter().map(|one| one.as_str()).collect();
    let without = if cases::find(requirement.id).is_none() { "  (no case)" } else { "" };
    format!(
        "{:44} {:7} {:10} {} to {}  {}{without}",
        requirement.id,
        requirement.code,
        requirement.severity(),
        requirement.since,
        requirement.until,
        profiles.join(" "),
    )
}

/// Returns a requirement as data. Readers tolerate keys that they don't know.
fn entry(requirement: &Requirement) -> Value {
    let of_each = |value: &dyn Fn(SpecVersion) -> Value| -> Map<String, Value> {
        let versions = requirement.versions();
        versions.map(|version| (version.to_string(), value(version))).collect()
    };
    let verbs: Vec<_> = requirement.verbs.iter().map(ToString::to_string).collect();
    json!({
        "id": requirement.id,
        "code": requirement.code,
        "sentence": requirement.sentence,
        "section": requirement.section.title(),
        "link": requirement.link_in(requirement.until),
        "links": of_each(&|version| json!(requirement.link_in(version))),
        "severity": requirement.severity(),
        "versions": of_each(&|version| json!(requirement.severity_in(version))),
        "verbs": verbs,
        "profiles": requirement.profiles,
        "does": cases::find(requirement.id).map(|case| case.does),
        "untestable": requirement.untestable,
    })
}
