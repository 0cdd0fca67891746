//! The tables of requirements are complete and well-formed.
#![allow(clippy::print_stdout, reason = "a count for the log")]

use std::collections::HashSet;

use cni_conformance::Profile;
use cni_conformance::spec::{cases, requirements};
use cni_protocol::SpecVersion;

/// The families of codes in the catalogue, and the number of requirements in each.
const CATALOGUE: [(&str, usize); 14] = [
    ("EXE", 17),
    ("ENV", 16),
    ("VER", 10),
    ("ADD", 8),
    ("RES", 9),
    ("CHN", 8),
    ("DEL", 15),
    ("CHK", 9),
    ("GC", 9),
    ("STA", 4),
    ("DLG", 12),
    ("CAP", 4),
    ("CFG", 2),
    ("CON", 2),
];

#[test]
fn every_requirement_of_the_catalogue_exists_exactly_once() {
    let codes: Vec<&str> = requirements::all().map(|requirement| requirement.code).collect();
    let catalogue: Vec<String> = CATALOGUE
        .iter()
        .flat_map(|(family, count)| (1..=*count).map(move |n| format!("{family}-{n:02}")))
        .collect();
    assert_eq!(catalogue.len(), 125);
    assert_eq!(codes, catalogue);
}

#[test]
fn ids_are_words_and_unique() {
    let mut seen = HashSet::new();
    for requirement in requirements::all() {
        let id = requirement.id;
        assert!(seen.insert(id), "{id} occurs twice");
        let (area, what) = id.split_once('.').unwrap_or_else(|| panic!("{id} has no area"));
        let is_lower_case = |text: &str, more: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || more.contains(c))
        };
        assert!(is_lower_case(area, ""), "{id}: the area must be one lower-case word");
        assert!(
            is_lower_case(what, "-.0123456789"),
            "{id}: the rest must be lower-case words, joined by hyphens"
        );
    }
}

#[test]
fn every_requirement_has_a_sentence_verbs_profiles_and_a_range_of_versions() {
    for requirement in requirements::all() {
        let (id, sentence) = (requirement.id, requirement.sentence);
        let is_sentence =
            sentence.starts_with(|c: char| c.is_uppercase() || c == '`') && sentence.ends_with('.');
        assert!(is_sentence && !sentence.contains("  "), "{id}: {sentence}");
        assert!(requirement.since <= requirement.until, "{id}");
        assert!(!requirement.verbs.is_empty() && !requirement.profiles.is_empty(), "{id}");
    }
}

#[test]
fn every_requirement_has_a_case_or_a_reason_why_not() {
    for requirement in requirements::all() {
        let case = cases::find(requirement.id);
        let id = requirement.id;
        assert!(
            case.is_some() != requirement.untestable.is_some(),
            "{id} must have either a case or a reason why there is none"
        );
    }
    let count = cases::all().count();
    println!("{count} of {} requirements have a case", requirements::all().count());
    assert!(count >= 110, "only {count} cases");
}

#[test]
fn cases_are_in_the_order_of_their_requirements_and_each_can_apply() {
    let order: Vec<&str> = requirements::all().map(|requirement| requirement.id).collect();
    let position = |id: &str| order.iter().position(|other| *other == id);
    let positions: Vec<_> = cases::all().map(|case| position(case.id)).collect();
    assert!(positions.iter().all(Option::is_some) && positions.is_sorted());
    for case in cases::all() {
        let can_apply = |profile: &Profile| {
            SpecVersion::ALL.iter().any(|version| case.applies(*profile, *version))
        };
        assert!(Profile::ALL.iter().any(can_apply), "{} never applies", case.id);
    }
}

#[test]
fn a_requirement_is_found_by_id_and_by_code() {
    let by_code = requirements::find("DEL-02").unwrap();
    assert_eq!(by_code.id, "del.twice-succeeds");
    assert_eq!(requirements::find("del.twice-succeeds").unwrap().code, "DEL-02");
    assert!(requirements::find("del.no-such").is_none());
}

#[test]
fn a_severity_can_have_an_exception() {
    use cni_conformance::severity::Severity;
    let twice = requirements::find("DEL-02").unwrap();
    assert_eq!(twice.severity_in(SpecVersion::V0_4_0), Severity::Should);
    assert_eq!(twice.severity_in(SpecVersion::V1_0_0), Severity::Must);
}
