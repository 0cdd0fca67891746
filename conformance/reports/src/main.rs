//! `cargo xtask conformance`: judges the subjects and compares the verdicts with the reports that
//! are committed.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

mod kept;
mod markdown;
mod overview;
mod programs;
mod scrub;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use cni_conformance::run::options::Options;
use cni_conformance::run::record::Report;
use cni_conformance::run::run;
use cni_conformance::verdicts::Verdicts;
use cni_conformance::{Subject, Verdict};

use kept::Kept;

/// What a step returns: nothing, or a sentence that says what failed.
type Outcome<T = ()> = Result<T, String>;

/// What the words on the command line ask for.
struct Wanted {
    names: Vec<String>,
    update: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match conformance(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("cni-reports: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// The top directory of the checkout.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.clone(), PathBuf::from)
}

/// Judges the subjects that are named, or all, and fails if a verdict is not the one in the
/// committed report.
fn conformance(words: &[String]) -> Outcome {
    let wanted = wanted(words)?;
    if wanted.names.iter().any(|name| is_ours(name)) {
        programs::build()?;
    }
    std::env::set_current_dir(root()).map_err(|error| format!("{}: {error}", root().display()))?;
    let mut changes = Vec::new();
    for name in &wanted.names {
        changes.extend(judge(name, wanted.update)?);
    }
    if wanted.update {
        return overview::write();
    }
    match changes.as_slice() {
        [] => Ok(()),
        changes => Err(format!(
            "verdicts have changed:\n  {}\nIf they are right, update the reports: \
             cargo xtask conformance --update",
            changes.join("\n  ")
        )),
    }
}

fn wanted(words: &[String]) -> Outcome<Wanted> {
    let known = subjects()?;
    let mut wanted = Wanted { names: Vec::new(), update: false };
    for word in words {
        match word.as_str() {
            "--update" => wanted.update = true,
            name if known.contains(name) => wanted.names.push(name.to_owned()),
            other => {
                let known: Vec<_> = known.into_iter().collect();
                return Err(format!("no such subject: {other} (there are {})", known.join(", ")));
            }
        }
    }
    if wanted.names.is_empty() {
        wanted.names = known.into_iter().collect();
    }
    Ok(wanted)
}

/// The names of the subject files.
fn subjects() -> Outcome<BTreeSet<String>> {
    let directory = root().join("conformance/subjects");
    let entries = fs::read_dir(&directory);
    let entries = entries.map_err(|error| format!("{}: {error}", directory.display()))?;
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        Some(name.strip_suffix(".json")?.to_owned())
    });
    Ok(names.collect())
}

fn file(name: &str) -> PathBuf {
    root().join("conformance/subjects").join(name).with_extension("json")
}

/// Whether the subject is a program of this workspace.
fn is_ours(name: &str) -> bool {
    Subject::read(&file(name)).is_ok_and(|subject| subject.plugin.starts_with("target"))
}

/// Judges one subject; what is otherwise than in the committed report.
fn judge(name: &str, update: bool) -> Outcome<Vec<String>> {
    let kept = Kept::of(name, is_ours(name));
    let mut subject = Subject::read(&file(name))?;
    if is_ours(name) {
        subject.plugin = programs::built(&subject.plugin)?;
    }
    let subject = subject.found()?;
    let begun = Instant::now();
    let report = run(&subject, &Options::default(), &|_| ());
    let took = begun.elapsed().as_secs_f64();
    match &report {
        Ok(report) => println!("{name}: {} ({took:.0} s)", sums(report)),
        Err(problem) => println!("{name}: could not be judged: {problem}"),
    }
    if update {
        kept.write(&subject, report.as_ref())?;
        return Ok(Vec::new());
    }
    compare(name, &kept.verdicts(), &subject, report.as_ref())
}

fn compare(
    name: &str,
    kept: &Path,
    subject: &Subject,
    report: Result<&Report, &String>,
) -> Outcome<Vec<String>> {
    let before = Verdicts::read(kept)?;
    let named = |change: String| format!("{name}: {change}");
    Ok(match report {
        // What one machine can't judge, another may; there is nothing to compare with.
        Ok(_) if before.untested.is_some() => {
            println!("{name}: no report to compare with, since it could not be judged then");
            Vec::new()
        }
        Ok(report) => {
            let chance = |id: &str| subject.flaky.contains_key(id);
            let changes = before.changes(&Verdicts::of(report), &chance, false);
            changes.into_iter().map(named).collect()
        }
        Err(_) if before.untested.is_some() => Vec::new(),
        Err(problem) => vec![named(format!("could be judged, and now can't: {problem}"))],
    })
}

fn sums(report: &Report) -> String {
    let of = |verdict| format!("{} {verdict}", report.count(verdict));
    Verdict::ALL.map(of).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_has_a_report_and_every_report_a_subject() {
        let subjects = subjects().unwrap();
        assert!(subjects.len() > 15, "{subjects:?}");
        let kept: BTreeSet<String> =
            kept::all().unwrap().into_iter().map(|kept| kept.name).collect();
        assert_eq!(subjects, kept);
    }

    #[test]
    fn a_word_that_is_no_subject_is_told() {
        let wanted = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            wanted(&words)
        };
        let problem = wanted(&["brigde"]).err().unwrap();
        assert!(problem.contains("no such subject: brigde") && problem.contains("bridge,"));
        assert!(wanted(&["bridge", "--update"]).unwrap().update);
    }
}
