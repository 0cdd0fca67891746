//! The tables of requirements are complete and well-formed.
#![allow(clippy::print_stdout, reason = "a count for the log")]

use std::collections::HashSet;

use cni_conformance::Profile;
use cni_conformance::severity::Severity;
use cni_conformance::spec::sentence::{self, Demand};
use cni_conformance::spec::{cases, requirements, text};
use cni_protocol::SpecVersion;

/// The families of codes in the catalogue, and the number of requirements in each.
const CATALOGUE: [(&str, usize); 14] = [
    ("EXE", 17),
    ("ENV", 16),
    ("VER", 11),
    ("ADD", 8),
    ("RES", 9),
    ("CHN", 8),
    ("DEL", 14),
    ("CHK", 10),
    ("GC", 9),
    ("STA", 6),
    ("DLG", 12),
    ("CAP", 5),
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
    assert_eq!(catalogue.len(), 129);
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

/// The table is compared with the texts themselves by `cargo xtask sentences`.
#[test]
fn every_line_of_the_table_of_sentences_is_of_a_requirement_and_a_version_that_it_applies_to() {
    let mut seen = HashSet::new();
    for row in sentence::read(sentence::TABLE).unwrap() {
        let requirement = requirements::find(&row.code).unwrap_or_else(|| panic!("{row}"));
        assert!(seen.insert((row.code.clone(), row.text.clone())), "twice: {row}");
        assert!(row.hash.len() == 12 && row.line > 0 && !row.begins.is_empty(), "{row}");
        let applies = requirement.versions().any(|version| version.as_str() == row.text);
        let reaches_newest = requirement.until == SpecVersion::NEWEST;
        assert!(applies || (row.text == "head" && reaches_newest), "{row}");
    }
}

#[test]
fn a_must_has_a_sentence_that_says_so_in_every_version() {
    use Severity::{Must, Should, Stricter};
    let severity = |code: &str, version| {
        let requirement = requirements::find(code).unwrap();
        let severity = requirement.severity_in(version);
        let says = requirement.sentence_in(version).map(|sentence| sentence.demand);
        assert_eq!(severity == Must, says == Some(Demand::Must), "{code} in {version}");
        severity
    };
    for requirement in requirements::all() {
        for version in requirement.versions() {
            severity(requirement.code, version);
        }
    }
    // These were MUST in all versions once.
    assert_eq!(severity("CHN-01", SpecVersion::V0_4_0), Should);
    assert_eq!(severity("CHN-01", SpecVersion::V1_0_0), Must);
    assert_eq!(severity("DEL-01", SpecVersion::V1_1_0), Should);
    assert_eq!(severity("DEL-02", SpecVersion::V0_3_1), Should);
    assert_eq!(severity("VER-04", SpecVersion::V0_4_0), Should);
    assert_eq!(severity("ADD-02", SpecVersion::V0_4_0), Stricter);
}

#[test]
fn a_changed_text_is_noticed() {
    let text = "# Title\n\nA plugin must work.\nIt should\n  also stop (e.g. on DEL). Or not.\n\n\
                - `a`: one. Two\n- three\n\n| `4`|Four. Five |\n```\n{ \"six\": 6 }\n```\n";
    let found = text::sentences(text);
    let seen: Vec<_> = found.iter().map(|one| (one.line, one.sentence.as_str())).collect();
    let expected = [
        (1, "# Title"),
        (3, "A plugin must work."),
        (4, "It should also stop (e.g. on DEL)."),
        (5, "Or not."),
        (7, "`a`: one."),
        (7, "Two"),
        (8, "three"),
        (10, "`4`|Four."),
        (10, "Five |"),
        (12, "{ \"six\": 6 }"),
    ];
    assert_eq!(seen, expected);
    let row = |line: usize, demand: &str, hash: &str, begins: &str| -> Option<String> {
        let row = format!("EXE-01\t1.0.0\t{line}\t{demand}\t{hash}\t{begins}");
        text::problem(&found, &row.parse().unwrap())
    };
    let hash = found[1].hash();
    assert_eq!(row(3, "must", &hash, "A plugin must"), None);
    for (problem, expected) in [
        (row(3, "must", &hash, "A runtime must"), "no sentence of the text begins so"),
        (row(4, "must", &hash, "A plugin must"), "is in line 3"),
        (row(3, "must", "0", "A plugin must"), "has changed"),
        (row(3, "should", &hash, "A plugin must"), "is marked `should`"),
        (row(3, "fact", &hash, "A plugin must"), "is marked `fact`"),
    ] {
        assert!(problem.as_ref().is_some_and(|text| text.contains(expected)), "{problem:?}");
    }
}
