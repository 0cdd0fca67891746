//! The tables of requirements are the whole catalogue, and well-formed.
#![allow(clippy::print_stdout, reason = "a count for whoever reads the log")]

use std::collections::HashSet;

use cni_conformance::Profile;
use cni_conformance::spec::{cases, requirements};
use cni_protocol::SpecVersion;

/// The families of the catalogue and how many checks each has.
const CATALOGUE: [(&str, usize); 14] = [
    ("EXE", 17),
    ("ENV", 16),
    ("VER", 10),
    ("ADD", 8),
    ("RES", 9),
    ("CHN", 8),
    ("DEL", 14),
    ("CHK", 9),
    ("GC", 9),
    ("STA", 4),
    ("DLG", 12),
    ("CAP", 4),
    ("CFG", 2),
    ("CON", 2),
];

#[test]
fn every_check_of_the_catalogue_is_there_exactly_once() {
    let codes: Vec<&str> = requirements::all().map(|requirement| requirement.code).collect();
    let catalogue: Vec<String> = CATALOGUE
        .iter()
        .flat_map(|(family, count)| (1..=*count).map(move |n| format!("{family}-{n:02}")))
        .collect();
    assert_eq!(catalogue.len(), 124);
    assert_eq!(codes, catalogue);
}

#[test]
fn ids_are_words_and_unique() {
    let mut seen = HashSet::new();
    for requirement in requirements::all() {
        let id = requirement.id;
        assert!(seen.insert(id), "{id} is there twice");
        let (area, what) = id.split_once('.').unwrap_or_else(|| panic!("{id} has no area"));
        let small = |text: &str, more: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || more.contains(c))
        };
        assert!(small(area, ""), "{id}: the area is one word in small letters");
        assert!(small(what, "-.0123456789"), "{id}: words in small letters, joined by hyphens");
    }
}

#[test]
fn sentences_are_sentences_and_ranges_are_ranges() {
    for requirement in requirements::all() {
        let (id, sentence) = (requirement.id, requirement.sentence);
        assert!(sentence.ends_with('.'), "{id}: {sentence}");
        assert!(requirement.since <= requirement.until, "{id}");
        assert!(!requirement.verbs.is_empty() && !requirement.profiles.is_empty(), "{id}");
    }
}

#[test]
fn every_requirement_has_a_case_or_says_why_not() {
    for requirement in requirements::all() {
        let case = cases::find(requirement.id);
        let id = requirement.id;
        assert!(
            case.is_some() != requirement.untestable.is_some(),
            "{id}: a case, or why there is none"
        );
    }
    let count = cases::all().count();
    println!("{count} of {} requirements have a case", requirements::all().count());
    assert!(count >= 110, "only {count} cases");
}

#[test]
fn cases_stand_in_the_order_of_their_requirements_and_each_can_apply() {
    let order: Vec<&str> = requirements::all().map(|requirement| requirement.id).collect();
    let place = |id: &str| order.iter().position(|other| *other == id);
    let places: Vec<_> = cases::all().map(|case| place(case.id)).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted());
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
fn weights_have_their_exceptions() {
    use cni_conformance::severity::Severity;
    let twice = requirements::find("DEL-02").unwrap();
    assert_eq!(twice.severity_in(SpecVersion::V0_4_0), Severity::Should);
    assert_eq!(twice.severity_in(SpecVersion::V1_0_0), Severity::Must);
}
