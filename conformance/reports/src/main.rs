//! `cargo xtask conformance`: judges the subjects and compares the verdicts with the committed
//! reports. `cargo xtask sentences`: compares the requirements with the texts.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command for people")]

mod committed;
mod markdown;
mod outcome;
mod overview;
mod programs;
mod scrub;
mod sentences;
mod subjects;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use cni_conformance::run::options::Options;
use cni_conformance::run::record::Report;
use cni_conformance::run::run;
use cni_conformance::verdicts::Verdicts;
use cni_conformance::{Subject, Verdict};

use committed::CommittedReport;
use outcome::Outcome;
use subjects::{file, is_ours, root};

/// The command line.
struct Arguments {
    names: Vec<String>,
    update: bool,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.split_first() {
        Some((first, rest)) if first == "sentences" => sentences::sentences(rest),
        _ => conformance(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("cni-reports: {problem}");
            ExitCode::FAILURE
        }
    }
}

/// Judges the named subjects, or all, and fails if a verdict is not the committed one.
fn conformance(args: &[String]) -> Outcome {
    let arguments = read(args)?;
    if arguments.names.iter().any(|name| is_ours(name)) {
        programs::build()?;
    }
    std::env::set_current_dir(root()).map_err(|error| format!("{}: {error}", root().display()))?;
    let mut changes = Vec::new();
    for name in &arguments.names {
        changes.extend(judge(name, arguments.update)?);
    }
    if arguments.update {
        return overview::write();
    }
    match changes.as_slice() {
        [] => Ok(()),
        changes => Err(format!(
            "verdicts have changed:\n  {}\nIf they are correct, update the reports with \
             cargo xtask conformance --update",
            changes.join("\n  ")
        )),
    }
}

fn read(args: &[String]) -> Outcome<Arguments> {
    let known = subjects::names()?;
    let mut arguments = Arguments { names: Vec::new(), update: false };
    for word in args {
        match word.as_str() {
            "--update" => arguments.update = true,
            name if known.contains(name) => arguments.names.push(name.to_owned()),
            other => {
                let known: Vec<_> = known.into_iter().collect();
                return Err(format!(
                    "`{other}` is not a subject; the subjects are {}",
                    known.join(", ")
                ));
            }
        }
    }
    if arguments.names.is_empty() {
        arguments.names = known.into_iter().collect();
    }
    Ok(arguments)
}

/// Judges one subject, and returns the changes since the committed report.
fn judge(name: &str, update: bool) -> Outcome<Vec<String>> {
    let committed = CommittedReport::of(name, is_ours(name));
    let mut subject = Subject::read(&file(name))?;
    if is_ours(name) {
        subject.plugin = programs::built(&subject.plugin)?;
    }
    let subject = subject.found()?;
    let started = Instant::now();
    let report = run(&subject, &Options::default(), &|_| ()).and_then(Report::tested);
    let took = started.elapsed().as_secs_f64();
    match &report {
        Ok(report) => println!("{name}: {} ({took:.0} s)", totals(report)),
        Err(problem) => println!("{name}: could not be judged: {problem}"),
    }
    if update {
        committed.write(&subject, report.as_ref())?;
        return Ok(Vec::new());
    }
    compare(name, &committed.verdicts(), &subject, report.as_ref())
}

fn compare(
    name: &str,
    committed: &Path,
    subject: &Subject,
    report: Result<&Report, &String>,
) -> Outcome<Vec<String>> {
    let before = Verdicts::read(committed)?;
    let named = |change: String| format!("{name}: {change}");
    Ok(match report {
        // Another machine may judge what the one of the report could not.
        Ok(_) if before.untested.is_some() => {
            println!(
                "{name}: no verdicts to compare with, since it could not be judged for the report"
            );
            Vec::new()
        }
        Ok(report) => {
            let chance = |id: &str| subject.flaky.contains_key(id);
            let changes = before.changes(&Verdicts::of(report), &chance, false);
            changes.into_iter().map(named).collect()
        }
        Err(_) if before.untested.is_some() => Vec::new(),
        Err(problem) => {
            vec![named(format!("could be judged for the report, but not now: {problem}"))]
        }
    })
}

fn totals(report: &Report) -> String {
    let of = |verdict| format!("{} {verdict}", report.count(verdict));
    Verdict::ALL.map(of).join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_subject_has_a_report_and_every_report_a_subject() {
        let subjects = subjects::names().unwrap();
        assert!(subjects.len() > 15, "{subjects:?}");
        let committed: BTreeSet<String> =
            committed::all().unwrap().into_iter().map(|committed| committed.name).collect();
        assert_eq!(subjects, committed);
    }

    #[test]
    fn an_unknown_subject_is_refused() {
        let read = |args: &[&str]| {
            let args: Vec<String> = args.iter().map(|word| (*word).to_owned()).collect();
            read(&args)
        };
        let problem = read(&["brigde"]).err().unwrap();
        assert!(problem.contains("`brigde` is not a subject") && problem.contains("bridge,"));
        assert!(read(&["bridge", "--update"]).unwrap().update);
    }
}
