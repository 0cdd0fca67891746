//! The report that people read.

use std::fmt::Write;

use super::group::{Group, groups};
use crate::case::Case;
use crate::exchange::shorten;
use crate::judgement::Verdict;
use crate::requirements::Requirement;
use crate::run::Report;

/// All cases in the order of the specification; what is not as it should be is repeated at the end, with
/// the requirement, what was expected, what was seen, and `again`, the command line that repeats it.
pub fn text(report: &Report, again: &dyn Fn(&Case) -> String) -> String {
    let groups = groups(report);
    let mut text = head(report);
    let mut area = "";
    for group in &groups {
        let requirement = group.case.requirement();
        if requirement.area() != area {
            area = requirement.area();
            let _ = writeln!(text, "{area}");
        }
        text.push_str(&line(group));
    }
    for group in &groups {
        if matches!(group.verdict(), Verdict::Fail | Verdict::Warn | Verdict::Broken) {
            text.push_str(&details(group, &again(group.case)));
            if let Some(reason) = report.subject.known.get(group.case.id) {
                let _ = writeln!(text, "    known     {reason}");
            }
        }
    }
    for id in report.gone() {
        let _ = writeln!(text, "\n{id} is known as a deviation, but was not seen: strike it out");
    }
    text + &sums(report, &groups)
}

fn head(report: &Report) -> String {
    let versions: Vec<_> = report.versions.iter().map(|version| version.as_str()).collect();
    let mut head = format!(
        "cni-conformance {} · {} · profile {} · spec {}\n",
        env!("CARGO_PKG_VERSION"),
        report.subject.plugin.display(),
        report.subject.profile,
        versions.join(", ")
    );
    for (version, problem) in &report.unusable {
        let _ = writeln!(head, "not judged in {version}, where no ADD succeeds: {problem}");
    }
    head
}

fn sign(verdict: Verdict) -> char {
    match verdict {
        Verdict::Pass => '✔',
        Verdict::Fail => '✘',
        Verdict::Warn => '!',
        Verdict::Info => 'i',
        Verdict::Skip => '–',
        Verdict::Broken => '?',
    }
}

fn line(group: &Group) -> String {
    let verdict = group.verdict();
    let note = group.first(verdict).and_then(|record| {
        let finding = record.finding.as_ref().map(|finding| finding.actual.as_str());
        record.note.as_deref().or(finding.filter(|_| verdict == Verdict::Info))
    });
    let note = note.map(|note| format!("  {verdict}: {}", shorten(note))).unwrap_or_default();
    let versions = if verdict == Verdict::Pass { String::new() } else { group.versions(verdict) };
    format!("  {} {}{versions}{note}\n", sign(verdict), group.case.id)
}

fn details(group: &Group, again: &str) -> String {
    let (verdict, requirement) = (group.verdict(), group.case.requirement());
    let Some(record) = group.first(verdict) else { return String::new() };
    let mut text = format!(
        "\n{} {}{}   {} · {} · {}\n    {}\n",
        sign(verdict),
        requirement.id,
        group.versions(verdict),
        requirement.severity_in(record.version),
        requirement.code,
        place(requirement),
        requirement.sentence,
    );
    if let Some(finding) = &record.finding {
        text.push_str(&indented("expected  ", &finding.expected));
        text.push_str(&indented("actual    ", &finding.actual));
    }
    if let Some(note) = &record.note {
        text.push_str(&indented("broken    ", note));
    }
    let _ = writeln!(text, "    again     {again} --spec {}", record.version);
    text
}

fn indented(label: &str, words: &str) -> String {
    const SHOWN: usize = 12;
    let mut lines = words.lines();
    let mut text = format!("    {label}{}\n", lines.next().unwrap_or_default());
    for line in lines.by_ref().take(SHOWN) {
        let _ = writeln!(text, "              {line}");
    }
    match lines.count() {
        0 => text,
        more => text + &format!("              … and {more} more\n"),
    }
}

fn place(requirement: &Requirement) -> String {
    let section = requirement.section;
    match section.link() {
        Some(link) => format!("{} {link}", section.title()),
        None => section.title().to_owned(),
    }
}

fn sums(report: &Report, groups: &[Group]) -> String {
    let of = |verdict| {
        let cases = groups.iter().filter(|group| group.verdict() == verdict).count();
        format!("{cases} {verdict}")
    };
    let words: Vec<String> = Verdict::ALL.into_iter().map(of).collect();
    format!("\n{} cases, {} runs: {}\n", groups.len(), report.records.len(), words.join(", "))
}

/// One requirement and its case, for people.
pub fn explain(requirement: &Requirement, case: Option<&Case>) -> String {
    let words = |list: Vec<String>| list.join(", ");
    let mut text = format!(
        "{} ({})\n  {}\n  weight    {}\n  written   {}\n  versions  {} to {}\n  verbs     {}\n  profiles  {}\n",
        requirement.id,
        requirement.code,
        requirement.sentence,
        weight(requirement),
        place(requirement),
        requirement.since,
        requirement.until,
        words(requirement.verbs.iter().map(ToString::to_string).collect()),
        words(requirement.profiles.iter().map(ToString::to_string).collect()),
    );
    match (case, requirement.untestable) {
        (Some(case), _) => {
            let _ = writeln!(text, "  the case  {}", case.does);
        }
        (None, why) => {
            let why = why.unwrap_or("nobody has written a case yet");
            let _ = writeln!(text, "  no case   {why}");
        }
    }
    text
}

fn weight(requirement: &Requirement) -> String {
    match requirement.exception {
        Some((version, severity)) => format!("{} ({severity} in {version})", requirement.severity),
        None => requirement.severity.to_string(),
    }
}
