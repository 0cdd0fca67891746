//! The report in Markdown, for summaries of CI and for repositories. Text from a plugin is put into
//! code spans, where nothing in it is markup.

use std::fmt::Write;

use super::document::{CaseReport, Document, SubjectFacts};
use super::visible::visible;
use crate::verdict::Verdict;

/// Returns the report in Markdown: head, totals, how to reproduce it, and the findings.
pub fn markdown(document: &Document) -> String {
    let mut text = format!("# {} · CNI conformance\n\n", document.subject.name);
    text.push_str(&head(document));
    text.push_str(&totals(document));
    let _ = write!(text, "\n## Reproduce\n\n{}", block("console", &document.command));
    let those = |verdicts: &[Verdict]| -> Vec<&CaseReport> {
        document.cases.iter().filter(|case| verdicts.contains(&case.verdict)).collect()
    };
    text.push_str(&findings(&those(&[Verdict::Fail, Verdict::Warn, Verdict::Broken])));
    for id in &document.outdated_deviations {
        let _ = writeln!(text, "\n`{id}` is a known deviation, but did not occur: remove it.");
    }
    text.push_str(&folded("For information", &those(&[Verdict::Info])));
    text.push_str(&folded("Skipped", &those(&[Verdict::Skip])));
    text.push_str(&passed(&those(&[Verdict::Pass])));
    text
}

fn head(document: &Document) -> String {
    let (subject, host) = (&document.subject, &document.host);
    let rights = if host.rootless { "without root" } else { "as root" };
    let mut rows = vec![
        ("result", format!("**{}** at the level {}", document.result.as_str(), document.level)),
        ("plugin", plugin(subject)),
        ("profile", subject.profile.to_string()),
        ("spec", document.versions.join(", ")),
    ];
    for unusable in &document.unusable_versions {
        let reason = code(&unusable.reason);
        rows.push(("not judged", format!("{}, since no ADD succeeds: {reason}", unusable.version)));
    }
    rows.push(("host", format!("Linux {}, {}, {rights}", host.kernel, host.arch)));
    rows.push(("made", format!("{} by cni-conformance {}", document.date, document.harness)));
    let rows = rows.into_iter().map(|(key, value)| format!("| {key} | {value} |\n"));
    format!("| | |\n|---|---|\n{}", rows.collect::<String>())
}

fn plugin(subject: &SubjectFacts) -> String {
    let mut words = code(&subject.plugin);
    if let Some(about) = &subject.about {
        let _ = write!(words, "<br>{}", code(about));
    }
    if let Some(sha256) = &subject.sha256 {
        let _ = write!(words, "<br>sha256 `{sha256}`");
    }
    words
}

fn totals(document: &Document) -> String {
    let names = Verdict::ALL.map(|verdict| format!("{} {verdict}", verdict.sign())).join(" | ");
    let counts = Verdict::ALL.map(|verdict| document.count(verdict).to_string()).join(" | ");
    let (cases, runs) = (document.cases.len(), document.runs());
    format!(
        "\n{cases} cases, {runs} runs; the worst verdict of each case counts:\n\n\
         | {names} |\n|{}\n| {counts} |\n",
        "---:|".repeat(Verdict::ALL.len())
    )
}

fn findings(cases: &[&CaseReport]) -> String {
    let mut text = "\n## Findings\n\n".to_owned();
    if cases.is_empty() {
        return text + "None.\n";
    }
    text.push_str(
        "| | case | requirement | expected | actual | known |\n|---|---|---|---|---|---|\n",
    );
    for case in cases {
        let run = case.worst();
        let expected = run.and_then(|run| run.expected.as_deref()).unwrap_or_default();
        let actual = run.and_then(|run| run.actual.as_deref().or(run.note.as_deref()));
        let severity = run.map(|run| run.severity.as_str()).unwrap_or_default();
        let _ = writeln!(
            text,
            "| {} | `{}`<br>{severity}, {}{} | {} | {} | {} | {} |",
            case.verdict.sign(),
            case.id,
            case.code,
            case.versions(),
            requirement(case),
            code(expected),
            code(actual.unwrap_or_default()),
            prose(case.known.as_deref().unwrap_or_default()),
        );
    }
    text + "\nTo run one of them again and keep its namespaces:\n\n"
        + &block("console", &cases.iter().map(|case| case.command()).collect::<Vec<_>>().join("\n"))
}

fn requirement(case: &CaseReport) -> String {
    let sentence = prose(&case.sentence);
    match &case.link {
        Some(link) => format!("{sentence} [{}]({link})", case.section),
        None => format!("{sentence} ({})", case.section),
    }
}

fn folded(title: &str, cases: &[&CaseReport]) -> String {
    if cases.is_empty() {
        return String::new();
    }
    let mut text = format!("\n<details><summary>{title}: {}</summary>\n\n", cases.len());
    for case in cases {
        let _ = writeln!(text, "- `{}`{}: {}", case.id, case.versions(), seen(case));
    }
    text + "\n</details>\n"
}

fn seen(case: &CaseReport) -> String {
    let Some(run) = case.worst() else { return String::new() };
    match (&run.expected, &run.actual) {
        (Some(expected), Some(actual)) => format!("{}, not {}", code(expected), code(actual)),
        _ => code(run.note.as_deref().unwrap_or_default()),
    }
}

fn passed(cases: &[&CaseReport]) -> String {
    if cases.is_empty() {
        return String::new();
    }
    let ids: Vec<_> = cases.iter().map(|case| format!("`{}`", case.id)).collect();
    let (count, ids) = (ids.len(), ids.join(", "));
    format!("\n<details><summary>Passed: {count}</summary>\n\n{ids}\n\n</details>\n")
}

/// Returns a block of code with a fence that no line of the text can close.
fn block(language: &str, text: &str) -> String {
    let fence = "`".repeat(longest_run(text).max(2) + 1);
    let lines = text.lines().map(|line| match language {
        "console" => format!("# {line}\n"),
        _ => format!("{line}\n"),
    });
    format!("{fence}{language}\n{}{fence}\n", lines.collect::<String>())
}

/// Returns any text as code spans, one for each line, for the cell of a table.
fn code(text: &str) -> String {
    const SHOWN: usize = 8;
    let mut lines = text.lines().filter(|line| !line.trim().is_empty());
    let spans: Vec<String> = lines.by_ref().take(SHOWN).map(span).collect();
    match lines.count() {
        0 => spans.join("<br>"),
        more => format!("{}<br>… and {more} more", spans.join("<br>")),
    }
}

fn span(line: &str) -> String {
    let line = visible(line.trim()).replace('\t', " ");
    let ticks = "`".repeat(longest_run(&line) + 1);
    // Markdown removes a space next to the backticks.
    let pad = if line.starts_with('`') || line.ends_with('`') { " " } else { "" };
    // A bar would end the cell, even in code.
    format!("{ticks}{pad}{}{pad}{ticks}", line.replace('|', r"\|"))
}

/// Returns text as one line, in which only code between backticks is markup.
pub(super) fn prose(text: &str) -> String {
    let line = visible(text).split_whitespace().collect::<Vec<_>>().join(" ");
    let parts: Vec<&str> = line.split('`').collect();
    match parts.len() % 2 {
        0 => escaped(&line),
        _ => parts
            .iter()
            .enumerate()
            .map(|(index, part)| if index % 2 == 0 { escaped(part) } else { span(part) })
            .collect(),
    }
}

fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut text, c| {
        if r"\`*_[]<>|~$&#!".contains(c) {
            text.push('\\');
        }
        text.push(c);
        text
    })
}

fn longest_run(text: &str) -> usize {
    let other = |c: char| c != '`';
    text.split(other).map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_plugin_can_leave_its_code_span_or_cell() {
        assert_eq!(code("a | b"), r"`a \| b`");
        assert_eq!(code("x ``` y"), "````x ``` y````");
        assert_eq!(code("`x`"), "`` `x` ``");
        assert_eq!(code("one\n\n<b>two</b>\r\n"), "`one`<br>`<b>two</b>`");
        assert_eq!(code("\u{1b}[31mred"), r"`\u001b[31mred`");
        assert!(code(&"line\n".repeat(20)).ends_with("… and 12 more"));
    }

    #[test]
    fn in_prose_only_code_is_markup() {
        assert_eq!(prose("an `id|x`\n of <b> *it*"), r"an `id\|x` of \<b\> \*it\*");
        assert_eq!(prose("one ` alone"), r"one \` alone");
    }

    #[test]
    fn a_command_can_not_close_its_block() {
        assert_eq!(block("console", "run '```'"), "````console\n# run '```'\n````\n");
    }
}
