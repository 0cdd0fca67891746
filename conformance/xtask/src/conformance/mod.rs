//! `cargo xtask conformance`: judges the subjects and compares with the reports that are committed.

mod kept;
mod markdown;
mod overview;
mod scrub;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cni_conformance::run::{Options, Report, run};
use cni_conformance::verdicts::Verdicts;
use cni_conformance::{Subject, Verdict};

use crate::run::{Outcome, cargo, root, run as run_command};
use crate::setup;
use kept::Kept;

/// What the words after `conformance` ask for.
struct Wanted {
    names: Vec<String>,
    update: bool,
}

/// Judges the subjects that are named, or all, and fails when a verdict is not the one of the committed report.
pub(crate) fn conformance(words: &[&str]) -> Outcome {
    let wanted = wanted(words)?;
    if wanted.names.iter().any(|name| !is_ours(name)) {
        setup::packages()?;
    }
    if wanted.names.iter().any(|name| is_ours(name)) {
        build()?;
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
            "verdicts have changed:\n  {}\nRight so? Then write the reports anew: cargo xtask conformance --update",
            changes.join("\n  ")
        )),
    }
}

fn wanted(words: &[&str]) -> Outcome<Wanted> {
    let known = subjects()?;
    let mut wanted = Wanted { names: Vec::new(), update: false };
    for word in words {
        match *word {
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

fn build() -> Outcome {
    let examples = ["build", "--quiet", "--package", "cni-wrapper", "--examples"];
    run_command(&mut cargo(&examples))?;
    let plugins = ["mesos-cni-port-mapper", "cni-guard", "cni-label-policy", "cni-trace"];
    let plugins = plugins.iter().flat_map(|name| ["--package", name]);
    run_command(cargo(&["build", "--quiet"]).args(plugins)).map(drop)
}

/// Judges one subject; what is otherwise than in the committed report.
fn judge(name: &str, update: bool) -> Outcome<Vec<String>> {
    let kept = Kept::of(name, is_ours(name));
    let subject = Subject::read(&file(name))?.found()?;
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
            let chance = |id: &str| subject.sometimes.contains_key(id);
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
        let problem = wanted(&["brigde"]).err().unwrap();
        assert!(problem.contains("no such subject: brigde") && problem.contains("bridge,"));
        assert!(wanted(&["bridge", "--update"]).unwrap().update);
    }
}
