//! JUnit XML, as Jenkins and GitLab read it.
//!
//! A report has a suite for each version of the specification and a test for each case. A test
//! fails if its requirement is broken and counts at the level of the run. A known deviation is
//! skipped with the reason, as test frameworks do with expected failures. Only faults of the
//! harness are errors.

use std::fmt::Write;

use super::document::{CaseReport, Document, RunReport};
use crate::severity::Severity;
use crate::verdict::Verdict;

/// The outcome of a test in JUnit's terms.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failure,
    Error,
    Skipped,
}

/// Returns the report as JUnit XML.
pub fn junit(document: &Document) -> String {
    let all: Vec<_> = document.cases.iter().flat_map(|case| tests(case, |_| true)).collect();
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let _ = writeln!(xml, "<testsuites name=\"cni-conformance\"{}>", totals(document, &all));
    let unusable = document.unusable_versions.iter().map(|unusable| &unusable.version);
    for version in document.versions.iter().chain(unusable) {
        let in_version = |run: &RunReport| run.version == *version;
        let tests: Vec<_> =
            document.cases.iter().flat_map(|case| tests(case, in_version)).collect();
        if tests.is_empty() {
            continue;
        }
        let name = attribute(&format!("{}, spec {version}", document.subject.name));
        let date = attribute(&document.date);
        let totals = totals(document, &tests);
        let _ = writeln!(xml, "  <testsuite name=\"{name}\" timestamp=\"{date}\"{totals}>");
        for (case, run) in tests {
            xml.push_str(&test(document, case, run));
        }
        xml.push_str("  </testsuite>\n");
    }
    xml + "</testsuites>\n"
}

type Test<'d> = (&'d CaseReport, &'d RunReport);

fn tests(case: &CaseReport, is_included: impl Fn(&RunReport) -> bool) -> Vec<Test<'_>> {
    case.runs.iter().filter(|run| is_included(run)).map(|run| (case, run)).collect()
}

fn outcome((case, run): Test, level: Severity) -> Outcome {
    match run.verdict {
        Verdict::Broken => Outcome::Error,
        Verdict::Skip => Outcome::Skipped,
        _ if run.accepted => Outcome::Skipped,
        _ if !run.fails(level) => Outcome::Passed,
        _ if case.known.is_some() => Outcome::Skipped,
        _ => Outcome::Failure,
    }
}

fn totals(document: &Document, tests: &[Test]) -> String {
    let count =
        |wanted| tests.iter().filter(|test| outcome(**test, document.level) == wanted).count();
    let millis = tests.iter().map(|(_, run)| run.millis).sum();
    format!(
        " tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{}\"",
        tests.len(),
        count(Outcome::Failure),
        count(Outcome::Error),
        count(Outcome::Skipped),
        seconds(millis)
    )
}

fn test(document: &Document, case: &CaseReport, run: &RunReport) -> String {
    let (plugin, version) = (&document.subject.name, &run.version);
    let mut xml = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{}\">\n",
        attribute(&format!("{plugin}.{}", case.area())),
        attribute(&format!("{} in {version}", case.id)),
        seconds(run.millis)
    );
    let actual = run.actual.as_deref().unwrap_or_default();
    let note = run.note.as_deref().unwrap_or_default();
    match outcome((case, run), document.level) {
        Outcome::Failure => xml.push_str(&element("failure", run, actual, &description(case, run))),
        Outcome::Error => xml.push_str(&element("error", run, note, &description(case, run))),
        Outcome::Skipped => {
            let known = reason(case, run);
            let message = known.filter(|_| run.verdict != Verdict::Skip);
            let message = attribute(message.as_deref().unwrap_or(note));
            let _ = writeln!(xml, "      <skipped message=\"{message}\"/>");
        }
        Outcome::Passed => {}
    }
    if matches!(run.verdict, Verdict::Warn | Verdict::Info) {
        let text = content(&format!("{}: {}", run.verdict, description(case, run)));
        let _ = writeln!(xml, "      <system-out>{text}</system-out>");
    }
    xml + "    </testcase>\n"
}

/// Returns why a deviation is no failure.
pub(super) fn reason(case: &CaseReport, run: &RunReport) -> Option<String> {
    let known = case.known.as_ref().map(|reason| format!("known: {reason}"));
    known.or_else(|| run.accepted.then(|| "known: the baseline has it".to_owned()))
}

fn element(name: &str, run: &RunReport, message: &str, text: &str) -> String {
    format!(
        "      <{name} type=\"{}\" message=\"{}\">{}</{name}>\n",
        run.severity,
        attribute(message),
        content(text)
    )
}

fn description(case: &CaseReport, run: &RunReport) -> String {
    let mut text = format!("{}\n{}, {}, {}", case.sentence, run.severity, case.code, case.section);
    if let Some(link) = &case.link {
        let _ = write!(text, " {link}");
    }
    let details = [("expected", &run.expected), ("actual", &run.actual), ("note", &run.note)];
    for (label, value) in details {
        if let Some(value) = value {
            let _ = write!(text, "\n{label}: {value}");
        }
    }
    text + &format!("\nreproduce: {} --spec {}", case.reproduce, run.version)
}

fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

fn content(text: &str) -> String {
    text.chars().fold(String::new(), |mut xml, c| {
        match c {
            '&' => xml.push_str("&amp;"),
            '<' => xml.push_str("&lt;"),
            '>' => xml.push_str("&gt;"),
            '\r' => xml.push_str("&#13;"),
            c => xml.push(allowed(c)),
        }
        xml
    })
}

/// Escapes like [`content`], and characters that a parser would turn into spaces.
fn attribute(text: &str) -> String {
    content(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;")
}

/// Replaces control characters, which XML 1.0 can't contain, by their symbols: escape by ␛.
fn allowed(c: char) -> char {
    match c {
        '\t' | '\n' => c,
        '\0'..' ' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
        c => c,
    }
}
