//! `run`.

use std::panic;

use cni_conformance::report::document::Outcome;
use cni_conformance::report::{self, Document, Telling};
use cni_conformance::run::case::run_case;
use cni_conformance::run::record::Report;
use cni_conformance::run::run as run_cases;

use super::arguments::Arguments;
use super::kept;
use super::progress::ProgressLine;
use super::targets::Kind;
use super::{CONFORMS, COULD_NOT_TEST, FAILED, NOTHING_MATCHED};

/// Runs the cases, prints the report, and says with the exit status how it went.
pub(super) fn run(arguments: &Arguments) -> Result<u8, String> {
    if arguments.options.cases().is_empty() {
        println!("no case is named {}", arguments.options.only.join(" "));
        return Ok(NOTHING_MATCHED);
    }
    arguments.targets.check()?;
    // A panic is a verdict (broken) here, and told in the report.
    panic::set_hook(Box::new(|_| ()));
    let line = ProgressLine::new();
    let report = run_cases(&arguments.subject, &arguments.options, &|progress| line.show(progress));
    line.clear();
    let report = report?;
    eprint!("{}", cost(&report));
    if report.records.is_empty() {
        println!("no case is for a plugin of this profile in these versions");
        return Ok(NOTHING_MATCHED);
    }
    let document = document(arguments, &report);
    if arguments.targets.leaves_stdout() {
        print!("{}", report::text(&document));
    }
    arguments.targets.write(&|kind| render(kind, &document))?;
    if arguments.keep {
        keep(arguments, &report);
    }
    Ok(match document.result {
        Outcome::Success => CONFORMS,
        Outcome::Failure => FAILED,
        Outcome::Broken => COULD_NOT_TEST,
    })
}

/// What the run cost, and which versions it left out.
fn cost(report: &Report) -> String {
    let left_out: Vec<_> = report.left_out.iter().map(|version| version.as_str()).collect();
    match left_out.as_slice() {
        [] => format!("{}\n", report.cost),
        versions => format!("{}; not judged in {}\n", report.cost, versions.join(", ")),
    }
}

fn document(arguments: &Arguments, report: &Report) -> Document {
    let run = format!("cni-conformance run {}", arguments.naming);
    let telling = Telling {
        command: format!("{run}{}", arguments.choice),
        again: &|case| format!("{run} {} --keep", case.id),
        level: arguments.level,
        exchanges: arguments.exchanges,
        about: report::about(&arguments.subject, arguments.options.limit),
    };
    Document::of(report, &telling)
}

fn render(kind: Kind, document: &Document) -> String {
    match kind {
        Kind::Text => report::text(document),
        Kind::Json => document.json(),
        Kind::Junit => report::junit(document),
        Kind::Markdown => report::markdown(document),
        Kind::Html => report::html(std::slice::from_ref(document)),
    }
}

/// Runs the first case that failed once more, and leaves all as it is then until the end of the input.
fn keep(arguments: &Arguments, report: &Report) {
    let Some(failed) = report.records.iter().find(|record| record.finding.is_some()) else {
        return;
    };
    let (record, fixture) =
        run_case(failed.case, &arguments.subject, failed.version, arguments.options.limit);
    let Some(fixture) = fixture else { return };
    eprintln!("kept: {} in {}, {}", record.case.id, record.version, record.verdict);
    if let Some(last) = record.exchanges.last() {
        eprintln!("  the last call   {}", last.command_line(&arguments.subject.plugin));
    }
    kept::until_the_end_of_input(fixture.host());
}
