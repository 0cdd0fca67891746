//! The durations of the last run, so that the longest tests start first.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::plan::Test;
use super::pool::Done;
use crate::run::Outcome;

/// Parts of the names of long tests, in the order in which they start if there are no durations
/// yet.
const LONG: [&str; 8] = [
    "xtask::new_plugin::",
    "::mutants::",
    "::debian::",
    "::honest::",
    "::leftovers::",
    "::conformance::",
    "::faults::",
    "cni-dist::",
];

/// The duration of each test in milliseconds, by its id.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Durations {
    file: PathBuf,
    millis: BTreeMap<String, u64>,
}

impl Durations {
    /// Reads the durations; there are none if the file does not exist.
    pub(super) fn read(directory: &Path) -> Self {
        let file = directory.join("durations.txt");
        let text = fs::read_to_string(&file).unwrap_or_default();
        Self { millis: parse(&text), file }
    }

    /// Sorts the tests by expected duration, longest first.
    pub(super) fn sort(&self, tests: &mut [Test]) {
        tests.sort_by_cached_key(|test| std::cmp::Reverse(self.expected(&test.id())));
    }

    /// Returns the expected duration; a test without one comes before all others.
    fn expected(&self, id: &str) -> u64 {
        let unknown = || {
            let place = LONG.iter().rev().position(|part| id.contains(part));
            u64::MAX - LONG.len() as u64 + place.map_or(0, |place| place as u64 + 1)
        };
        self.millis.get(id).copied().unwrap_or_else(unknown)
    }

    /// Adds the durations of this run, and writes all.
    pub(super) fn write(mut self, done: &[Done]) -> Outcome {
        for Done { id, took, .. } in done {
            self.millis.insert(id.clone(), millis(*took));
        }
        let mut text = String::new();
        for (id, millis) in &self.millis {
            let _ = writeln!(text, "{millis} {id}");
        }
        fs::write(&self.file, text).map_err(|error| format!("{}: {error}", self.file.display()))
    }
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn parse(text: &str) -> BTreeMap<String, u64> {
    let entry = |line: &str| {
        let (millis, id) = line.split_once(' ')?;
        Some((id.to_owned(), millis.parse().ok()?))
    };
    text.lines().filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::super::plan::Binary;
    use super::*;

    fn sorted(durations: &Durations, names: &[&str]) -> Vec<String> {
        let test = |name: &&str| {
            let (binary, name) = (Binary::of("/x".into()), (*name).to_owned());
            Test { binary, name, ignored: false }
        };
        let mut tests: Vec<Test> = names.iter().map(test).collect();
        durations.sort(&mut tests);
        tests.into_iter().map(|test| test.name).collect()
    }

    #[test]
    fn unknown_tests_start_first_and_then_the_longest() {
        let millis = parse("9 test::short\n70 test::long\nnonsense\n");
        let durations = Durations { millis, ..Durations::default() };
        assert_eq!(sorted(&durations, &["short", "new", "long"]), ["new", "long", "short"]);
    }

    #[test]
    fn without_durations_long_tests_start_first() {
        let names = ["a", "a::conformance::b", "a::mutants::c", "d"];
        let expected = ["a::mutants::c", "a::conformance::b", "a", "d"];
        assert_eq!(sorted(&Durations::default(), &names), expected);
    }

    #[test]
    fn written_durations_are_read_again() {
        let directory =
            std::env::temp_dir().join(format!("xtask-durations-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let done = |id: &str, millis| Done {
            id: id.to_owned(),
            took: Duration::from_millis(millis),
            problem: None,
            output: String::new(),
        };
        Durations::read(&directory).write(&[done("a::b", 12), done("c::d", 34)]).unwrap();
        Durations::read(&directory).write(&[done("a::b", 56)]).unwrap();
        let read = Durations::read(&directory).millis;
        fs::remove_dir_all(directory).unwrap();
        assert_eq!(read, BTreeMap::from([("a::b".to_owned(), 56), ("c::d".to_owned(), 34)]));
    }
}
