//! The report as text, for a terminal.

use std::fmt::Write;

use super::document::{CaseReport, Document};
use super::visible::visible;
use crate::exchange::shorten;
use crate::verdict::Verdict;

/// Returns all cases in the order of the specification, and then the [findings](findings()) in
/// detail.
pub fn text(document: &Document) -> String {
    let mut text = head(document);
    let mut area = "";
    for case in &document.cases {
        if case.area() != area {
            area = case.area();
            let _ = writeln!(text, "{area}");
        }
        text.push_str(&line(case));
    }
    visible(&text) + &findings(document) + &format!("\n{}\n", document.totals())
}

/// Returns the findings, each with the requirement, expected and actual behaviour, and the command
/// line that reproduces it.
pub fn findings(document: &Document) -> String {
    let findings = document.cases.iter().filter(|case| case.is_finding());
    let mut text: String = findings.map(details).collect();
    for id in &document.outdated_deviations {
        let _ = writeln!(text, "\n{id} is a known deviation, but did not occur: remove it");
    }
    visible(&text)
}

impl Document {
    /// Returns a line that identifies the report.
    pub fn title(&self) -> String {
        let subject = &self.subject;
        let about = subject.about.as_ref().map(|about| format!(", {}", shorten(about)));
        let (about, profile) = (about.unwrap_or_default(), subject.profile);
        visible(&format!("{} ({profile}){about}, {}", subject.name, self.date))
    }
}

fn head(document: &Document) -> String {
    let subject = &document.subject;
    let mut head = format!(
        "cni-conformance {} · {} · profile {} · spec {}\n",
        document.harness,
        subject.plugin,
        subject.profile,
        document.versions.join(", ")
    );
    if document.host.rootless {
        head.push_str("without root: every host is in a user namespace\n");
    }
    for unusable in &document.unusable_versions {
        let (version, reason) = (&unusable.version, &unusable.reason);
        let _ = writeln!(head, "not judged in {version}, since no ADD succeeds: {reason}");
    }
    head
}

fn line(case: &CaseReport) -> String {
    let verdict = case.verdict;
    let note = case.worst().and_then(|run| {
        let actual = run.actual.as_deref().filter(|_| verdict == Verdict::Info);
        run.note.as_deref().or(actual)
    });
    let note = note.map(|note| format!("  {verdict}: {}", shorten(note))).unwrap_or_default();
    let versions = if verdict == Verdict::Pass { String::new() } else { case.versions() };
    format!("  {} {}{versions}{note}\n", verdict.sign(), case.id)
}

fn details(case: &CaseReport) -> String {
    let Some(run) = case.worst() else { return String::new() };
    let place = match &case.link {
        Some(link) => format!("{} {link}", case.section),
        None => case.section.clone(),
    };
    let mut text = format!(
        "\n{} {}{}   {} · {} · {place}\n    {}\n",
        case.verdict.sign(),
        case.id,
        case.versions(),
        run.severity,
        case.code,
        case.sentence,
    );
    let parts = [
        ("expected  ", &run.expected),
        ("actual    ", &run.actual),
        ("broken    ", &run.note),
        ("known     ", &case.known),
        ("accepted  ", &run.accepted.then(|| "the baseline has it, too".to_owned())),
    ];
    for (label, value) in parts {
        text.push_str(&value.as_ref().map(|value| indented(label, value)).unwrap_or_default());
    }
    text + &format!("    reproduce {}\n", case.command())
}

fn indented(label: &str, value: &str) -> String {
    const SHOWN: usize = 12;
    let mut lines = value.lines();
    let mut text = format!("    {label}{}\n", lines.next().unwrap_or_default());
    for line in lines.by_ref().take(SHOWN) {
        let _ = writeln!(text, "              {line}");
    }
    match lines.count() {
        0 => text,
        more => text + &format!("              … and {more} more\n"),
    }
}
