//! The page about one subject.

use std::fmt::Write;

use cni_conformance::run::record::{Record, Report};
use cni_conformance::{Subject, Verdict};

use super::scrub::scrub;

/// Returns the page in Markdown.
pub(crate) fn page(name: &str, subject: &Subject, report: Result<&Report, &String>) -> String {
    let mut page = format!(
        "# {name}\n\n\
         The plugin `{}` as `{}`, by [`subjects/{name}.json`](../../subjects/{name}.json).\n\
         Reproduce: `cargo xtask conformance {name}`\n",
        subject.name(),
        subject.profile
    );
    match report {
        Ok(report) => page.push_str(&judged(name, report)),
        Err(problem) => {
            let _ = writeln!(page, "\nIt could not be judged: {}", scrub(problem));
        }
    }
    page
}

fn judged(name: &str, report: &Report) -> String {
    let versions: Vec<_> = report.versions.iter().map(|version| version.as_str()).collect();
    let mut page = format!("\nVersions {}. Cases by the worst verdict: ", versions.join(", "));
    let cases = cases(report);
    let totals = Verdict::ALL.map(|verdict| {
        format!("{} {verdict}", cases.iter().filter(|case| worst(case) == verdict).count())
    });
    page.push_str(&format!("{}.\n", totals.join(", ")));
    let findings = [Verdict::Fail, Verdict::Broken, Verdict::Warn];
    for case in
        findings.iter().flat_map(|verdict| cases.iter().filter(move |c| worst(c) == *verdict))
    {
        page.push_str(&finding(name, report, case));
    }
    for (verdict, title) in [(Verdict::Info, "For information"), (Verdict::Skip, "Skipped")] {
        let lines: String =
            cases.iter().filter(|case| worst(case) == verdict).map(|case| summary(case)).collect();
        if !lines.is_empty() {
            page.push_str(&format!("\n## {title}\n\n{lines}"));
        }
    }
    page
}

/// Groups the records by case.
fn cases(report: &Report) -> Vec<Vec<&Record>> {
    let mut cases: Vec<Vec<&Record>> = Vec::new();
    for record in &report.records {
        match cases.last_mut().filter(|case| case[0].case.id == record.case.id) {
            Some(case) => case.push(record),
            None => cases.push(vec![record]),
        }
    }
    cases
}

fn worst(case: &[&Record]) -> Verdict {
    use Verdict::{Broken, Fail, Info, Pass, Skip, Warn};
    let has = |verdict: &Verdict| case.iter().any(|record| record.verdict == *verdict);
    [Fail, Broken, Warn, Info, Pass, Skip].into_iter().find(has).unwrap_or(Skip)
}

/// Returns the first record with the verdict of its case, and the versions with this verdict.
fn first<'r>(case: &[&'r Record]) -> (Option<&'r Record>, String) {
    let verdict = worst(case);
    let those: Vec<_> = case.iter().filter(|record| record.verdict == verdict).collect();
    let versions: Vec<_> = those.iter().map(|record| record.version.as_str()).collect();
    let all = those.len() == case.len();
    let versions = if all { String::new() } else { format!(" in {}", versions.join(", ")) };
    (those.first().map(|record| **record), versions)
}

fn finding(name: &str, report: &Report, case: &[&Record]) -> String {
    let (Some(record), versions) = first(case) else { return String::new() };
    let requirement = record.case.requirement();
    let mut text = format!(
        "\n## {} `{}`{versions}\n\n{} ({}, {}, {}",
        record.verdict,
        requirement.id,
        requirement.sentence,
        requirement.severity_in(record.version),
        requirement.code,
        requirement.section.title(),
    );
    text.push_str(
        &requirement
            .link_in(record.version)
            .map_or(")".to_owned(), |link| format!(", [text]({link}))")),
    );
    text.push('\n');
    if let Some(reason) = report.subject.reason(requirement.id) {
        let _ = write!(text, "\n**{reason}**\n");
    }
    let mut seen = String::new();
    if let Some(finding) = &record.finding {
        let _ =
            write!(seen, "expected  {}\nactual    {}\n", finding.expected, cut(&finding.actual));
    }
    if let Some(note) = &record.note {
        let _ = writeln!(seen, "{note}");
    }
    for exchange in &record.exchanges {
        let _ = writeln!(seen, "{}: {}", exchange.call, exchange.ending());
    }
    let _ = write!(text, "\n```text\n{}```\n", scrub(&seen));
    let _ = write!(
        text,
        "\n`cni-conformance run --subject conformance/subjects/{name}.json {} --spec {} --keep`\n",
        requirement.id, record.version
    );
    text
}

/// Shortens long differences.
fn cut(text: &str) -> String {
    const SHOWN: usize = 15;
    let mut lines: Vec<&str> = text.lines().collect();
    let more = format!("… and {} more", lines.len().saturating_sub(SHOWN));
    if lines.len() > SHOWN {
        lines.truncate(SHOWN);
        lines.push(&more);
    }
    lines.join("\n          ")
}

fn summary(case: &[&Record]) -> String {
    let (Some(record), versions) = first(case) else { return String::new() };
    let finding = record.finding.as_ref().map(|finding| finding.actual.as_str());
    let text = record.note.as_deref().or(finding).unwrap_or_default();
    let text: String = scrub(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let text = text.replace('`', "'");
    let shown: String = text.chars().take(200).collect();
    let end = if shown.len() < text.len() { "…" } else { "" };
    format!("- `{}`{versions}: `{shown}{end}`\n", record.case.id)
}
