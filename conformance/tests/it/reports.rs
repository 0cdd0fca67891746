//! The commands for JSON reports: `matrix` and `diff`.

use std::fs;
use std::process::{Command, Output};

use crate::support::documents::{document, id, report};
use cni_conformance::report::{Document, markdown, text};
use cni_conformance::{Profile, Verdict};
use cni_test_kit::TempDir;
use pulldown_cmark::{Event, Options, Parser, Tag};

/// A directory of reports that is removed when it is dropped.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        Self(TempDir::new())
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn report(&self, name: &str, document: &Document) -> String {
        self.text(name, &document.json())
    }

    fn text(&self, name: &str, text: &str) -> String {
        fs::write(self.0.path().join(name), text).unwrap();
        self.path(name)
    }
}

fn command(args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cni-conformance")).args(args).output();
    let Output { status, stdout, stderr } = output.unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (status.code(), text(&stdout) + &text(&stderr))
}

/// Returns the report with another verdict on one case, in version 1.0.0.
fn with(mut document: Document, case: &str, verdict: Verdict) -> Document {
    let case = document.cases.iter_mut().find(|one| one.id == case).unwrap();
    case.runs[1].verdict = verdict;
    document
}

#[test]
fn equal_reports_are_not_a_failure() {
    let files = Files::new();
    let same = files.report("same.json", &document(&report("plugin", &[])));
    let (status, text) = command(&["diff", &same, &same]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("0 worse, 0 better, 0 no longer judged, 0 new, 0 removed"), "{text}");
}

#[test]
fn a_worse_verdict_is_a_failure_and_a_better_one_is_not() {
    let files = Files::new();
    let good = document(&report("plugin", &[]));
    let bad = with(good.clone(), id(Verdict::Pass), Verdict::Fail);
    let (good, bad) = (files.report("good.json", &good), files.report("bad.json", &bad));
    let (status, text) = command(&["diff", &good, &bad]);
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("worse\n  ✘ del.twice-succeeds in 1.0.0  pass → fail\n"), "{text}");
    let (status, text) = command(&["diff", &bad, &good]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("better\n  ✔ del.twice-succeeds in 1.0.0  fail → pass\n"), "{text}");
}

#[test]
fn new_and_removed_cases_are_listed() {
    let files = Files::new();
    let more = document(&report("plugin", &[]));
    let mut less = more.clone();
    less.cases.retain(|case| case.id != id(Verdict::Fail));
    let (more, less) = (files.report("more.json", &more), files.report("less.json", &less));
    let (status, text) = command(&["diff", &less, &more]);
    assert_eq!(status, Some(0), "{text}");
    assert!(
        text.contains("new\n  ✘ execution.unsupported-field-is-named in 0.4.0, 1.0.0  fail: "),
        "{text}"
    );
    let (_, text) = command(&["diff", &more, &less]);
    assert!(
        text.contains("removed\n  ✘ execution.unsupported-field-is-named in 0.4.0, 1.0.0  fail\n"),
        "{text}"
    );
    assert!(text.contains("2 removed"), "{text}");
}

#[test]
fn only_reports_can_be_compared() {
    let files = Files::new();
    let good = files.report("good.json", &document(&report("plugin", &[])));
    let other = files.text("other.json", r#"{"name": "bridge"}"#);
    let future = files.text("future.json", r#"{"report": 3}"#);
    let missing = files.path("missing.json");
    for (args, part) in [
        (vec!["diff", &good, &other], "other.json: not a report of cni-conformance"),
        (vec!["diff", &future, &good], "future.json: a report of format 3"),
        (vec!["diff", &good, &missing], "cannot read"),
        (vec!["diff", &good], "<NEW>"),
        (vec!["matrix"], "<REPORT>..."),
        (vec!["matrix", &good, "--report", "junit=x"], "one of text, md, html"),
        (
            vec!["matrix", &good, "--report", "md=/no/such/directory/x"],
            "the directory /no/such/directory does not exist",
        ),
    ] {
        let (status, text) = command(&args);
        assert_eq!(status, Some(2), "{args:?}");
        assert!(text.contains(part), "{args:?}: {text}");
    }
}

#[test]
fn the_matrix_has_a_column_for_each_report_and_a_line_for_each_requirement() {
    let files = Files::new();
    let first = document(&report("first", &[]));
    let mut second = document(&report("second", &[]));
    second.cases.retain(|case| case.id != id(Verdict::Warn));
    let (first, second) = (files.report("1.json", &first), files.report("2.json", &second));
    let (status, text) = command(&["matrix", &first, &second]);
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("  1  first · interface · 6 cases, 12 runs: 1 pass, 1 fail"), "{text}");
    let line = |id: &str| text.lines().find(|line| line.trim_start().starts_with(id)).unwrap();
    assert!(line(id(Verdict::Fail)).ends_with("✘  ✘"), "{text}");
    assert!(line(id(Verdict::Warn)).ends_with("  !"), "{text}");
    let order = [Verdict::Warn, Verdict::Fail, Verdict::Pass, Verdict::Broken];
    let places: Vec<_> = order.iter().map(|verdict| text.find(id(*verdict)).unwrap()).collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn the_matrix_is_written_to_files() {
    let files = Files::new();
    let first = files.report("1.json", &document(&report("first", &[])));
    let (page, table) = (files.path("page.html"), files.path("table.md"));
    let wanted = format!("html={page},md={table}");
    let (status, text) = command(&["matrix", &first, &first, "--report", &wanted]);
    assert_eq!((status, text.as_str()), (Some(0), ""));
    let page = fs::read_to_string(page).unwrap();
    assert!(page.starts_with("<!doctype html>") && page.contains("first (interface) #2"));
    let table = fs::read_to_string(table).unwrap();
    assert!(table.contains("| `execution.unsupported-field-is-named` | ✘ | ✘ |"), "{table}");
    assert!(table.contains("| first (interface) "));
}

#[test]
fn two_plugins_with_the_same_name_are_distinguished() {
    let files = Files::new();
    let chained = document(&report("plugin", &[]));
    let mut wrapper = chained.clone();
    wrapper.subject.profile = Profile::Wrapper;
    let (chained, wrapper) = (files.report("1.json", &chained), files.report("2.json", &wrapper));
    let (_, text) = command(&["matrix", &chained, &wrapper]);
    assert!(text.contains("plugin (interface) ·") && text.contains("plugin (wrapper) ·"), "{text}");
}

#[test]
fn a_plugin_cannot_control_the_terminal() {
    let files = Files::new();
    let old = document(&report("plugin", &[]));
    let mut new = old.clone();
    new.cases.retain(|case| case.id != id(Verdict::Fail));
    let (less, more) = (files.report("less.json", &new), files.report("more.json", &old));
    let (_, difference) = command(&["diff", &less, &more]);
    for text in [text(&old), difference] {
        assert!(text.contains("\\u001b[31m"), "{text}");
        assert!(text.chars().all(|c| !c.is_control() || "\n\t".contains(c)), "{text:?}");
    }
}

#[test]
fn markdown_is_complete_and_hostile_text_stays_in_its_cells() {
    let text = markdown(&document(&report("plugin", &[Verdict::Fail])));
    for part in [
        "# plugin · CNI conformance",
        "| result | **broken** at the level must |",
        "```console\n# cni-conformance run plugin\n```",
        "| 1 | 1 | 1 | 1 | 1 | 1 |",
        "[spec 5, result types](https://github.com/containernetworking/cni/",
        "cni-conformance run plugin execution.stdout-holds-one-document --keep --spec 0.4.0",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let mut options = Options::ENABLE_TABLES;
    options.insert(Options::ENABLE_MATH);
    let (mut cells, mut code) = (0, String::new());
    for event in Parser::new_ext(&text, options) {
        match event {
            Event::Start(Tag::TableCell) => cells += 1,
            Event::Code(args) => code.push_str(&args),
            Event::Start(Tag::Image { .. }) | Event::InlineMath(_) => panic!("{event:?}"),
            Event::Html(html) | Event::InlineHtml(html) => {
                let ours = ["<br>", "<details>", "</details>", "<summary>", "</summary>"];
                assert!(ours.iter().any(|tag| html.starts_with(tag)), "{html}");
            }
            _ => (),
        }
    }
    // The head (2 × 8), the totals (6 × 2) and the findings (6 × 4): every row is complete.
    assert_eq!(cells, 16 + 12 + 24, "{text}");
    assert!(code.contains("<img src=x onerror="), "{code}");
}
