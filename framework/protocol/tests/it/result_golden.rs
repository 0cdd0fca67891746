//! Every input in every version, converted to every version and compared with `golden/result`.
//!
//! These files record what the code does. `result_convert.rs` tests that it is right, with expected
//! results that were derived by hand.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
};

use cni_protocol::{AddResult, SpecVersion};
use serde_json::Value;

const INPUTS: [&str; 6] = ["dual-stack", "minimal", "ipam", "ip6-only", "no-address", "odd"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/result")
}

/// Returns the input of a version, or that of the nearest version of the same layout.
fn input(name: &str, version: SpecVersion) -> String {
    use SpecVersion::*;
    let stored = match version {
        V0_1_0 | V0_2_0 => &[V0_2_0][..],
        V0_3_0 | V0_3_1 | V0_4_0 => &[V0_4_0],
        V1_0_0 => &[V1_0_0],
        _ => &[V1_1_0, V1_0_0],
    };
    let read = |stored: &SpecVersion| {
        let path = folder().join(format!("input/{name}.{stored}.json"));
        let text = fs::read_to_string(path).ok()?;
        let (from, to) = (format!("\"{stored}\""), format!("\"{version}\""));
        assert_eq!(text.matches(&from).count(), 1, "{name}.{stored} names its version once");
        Some(text.replace(&from, &to))
    };
    stored.iter().find_map(read).unwrap_or_else(|| panic!("no input {name} for {version}"))
}

fn section(text: &str, from: SpecVersion, to: SpecVersion) -> String {
    let result = AddResult::parse(text.as_bytes(), from).expect("the input is a result");
    assert_eq!(result.version(), from, "the input has its version");
    match result.convert(to) {
        Err(error) => format!("=== {to}\nerror: {error}\n"),
        Ok(converted) => {
            let printed = AddResult::parse(&converted.to_bytes(), SpecVersion::V0_1_0)
                .expect("what is printed is a result again");
            assert_eq!(printed.version(), to);
            let lines = serde_json::to_string_pretty(&Value::Object(printed.document().clone()));
            format!("=== {to}\n{}\n", lines.expect("a document is JSON"))
        }
    }
}

fn all() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for name in INPUTS {
        for from in SpecVersion::ALL {
            let text = input(name, from);
            let sections = SpecVersion::ALL.map(|to| section(&text, from, to));
            files.insert(format!("{name}.from-{from}.txt"), sections.join("\n"));
        }
    }
    files
}

fn names_on_disk() -> BTreeSet<String> {
    let entries = fs::read_dir(folder()).expect("the folder is there");
    entries
        .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"))
        .filter(|name| name != "input" && name != "README.md")
        .collect()
}

#[test]
fn every_pair_of_versions_converts_as_in_its_golden_file() {
    let files = all();
    if env::var_os("UPDATE_GOLDEN").is_some() {
        update(&files);
    }
    let expected: BTreeSet<String> = files.keys().cloned().collect();
    assert_eq!(names_on_disk(), expected, "a golden file is missing or superfluous");
    for (name, text) in &files {
        let golden = fs::read_to_string(folder().join(name)).expect("readable");
        assert!(
            golden == *text,
            "{name} differs; if that is intended, set UPDATE_GOLDEN=1 and review the diff\n{}",
            first_difference(&golden, text)
        );
    }
}

#[test]
fn every_input_file_is_used() {
    let entries = fs::read_dir(folder().join("input")).expect("the folder is there");
    for entry in entries {
        let name = entry.expect("readable").file_name().into_string().expect("UTF-8");
        let input = name.split('.').next().unwrap_or_default();
        assert!(INPUTS.contains(&input), "input/{name} belongs to no input");
    }
}

fn update(files: &BTreeMap<String, String>) {
    for name in names_on_disk() {
        if !files.contains_key(&name) {
            fs::remove_file(folder().join(name)).expect("removable");
        }
    }
    for (name, text) in files {
        fs::write(folder().join(name), text).expect("writable");
    }
}

fn first_difference(golden: &str, text: &str) -> String {
    let (mut old, mut new) = (golden.lines(), text.lines());
    for line in 1.. {
        match (old.next(), new.next()) {
            (None, None) => break,
            (old, new) if old == new => {}
            (old, new) => {
                let (old, new) = (old.unwrap_or("(end)"), new.unwrap_or("(end)"));
                return format!("line {line}\n- {old}\n+ {new}");
            }
        }
    }
    "only the line ends differ".to_owned()
}
