//! The Test Anything Protocol, version 14, as `prove` and many CI systems read it.
//!
//! A test is a case in one version. A deviation below the level of the run, and a known one, is
//! `TODO`, which counts as success; a skipped case is `SKIP`.

use std::fmt::Write;

use super::document::{CaseReport, Document, RunReport};
use super::junit::reason;
use super::visible::visible;
use crate::verdict::Verdict;

/// Returns the report in the Test Anything Protocol.
pub fn tap(document: &Document) -> String {
    let mut text = format!("TAP version 14\n1..{}\n", document.runs());
    let runs = document.cases.iter().flat_map(|case| case.runs.iter().map(move |run| (case, run)));
    for (number, (case, run)) in (1..).zip(runs) {
        let (ok, directive) = outcome(document, case, run);
        let sign = if ok { "ok" } else { "not ok" };
        let name = format!("{} in {}", case.id, run.version);
        let _ = writeln!(text, "{sign} {number} - {name}{}", line(&directive));
        if run.expected.is_some() || run.verdict == Verdict::Broken {
            text.push_str(&details(case, run));
        }
    }
    text
}

fn outcome(document: &Document, case: &CaseReport, run: &RunReport) -> (bool, String) {
    let note = run.note.as_deref().unwrap_or_default();
    match run.verdict {
        Verdict::Pass => (true, String::new()),
        Verdict::Skip => (true, format!(" # SKIP {note}")),
        Verdict::Broken => (false, String::new()),
        _ if run.expected.is_none() => (true, String::new()),
        _ => match reason(case, run) {
            Some(reason) => (false, format!(" # TODO {reason}")),
            None if run.fails(document.level) => (false, String::new()),
            None => (false, format!(" # TODO {}, below the level of the run", run.severity)),
        },
    }
}

/// Returns a text without what has a meaning in this format.
fn line(text: &str) -> String {
    visible(&text.replace(['\n', '\r'], " "))
}

fn details(case: &CaseReport, run: &RunReport) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let mut text = format!("  ---\n  severity: {}\n  code: {}\n", run.severity, case.code);
    let reproduce = format!("{} --spec {}", case.reproduce, run.version);
    let parts = [
        ("expected", run.expected.as_deref()),
        ("actual", run.actual.as_deref()),
        ("broken", run.note.as_deref()),
        ("reproduce", Some(reproduce.as_str())),
    ];
    for (name, value) in parts {
        // A string of JSON is one of YAML.
        let _ = value.map(|value| writeln!(text, "  {name}: {}", quoted(value)));
    }
    text + "  ...\n"
}
