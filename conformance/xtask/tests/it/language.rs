//! How sources and documents are written: line width, documented items, phrases to avoid.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const WIDTH: usize = 100;

/// Phrases that have a plain word or a term of the field in their place. Only unmistakable ones:
/// a check that finds fault with good English would be worse than none.
const PHRASES: [(&str, &str); 12] = [
    ("anew", "again, from scratch"),
    ("whoever", "any process that, any caller that"),
    ("so many", "that many, the same number of"),
    ("in turns", "alternately, interleaved"),
    ("whatever becomes of", "whether or not it succeeds"),
    ("such as it is", "(nothing)"),
    ("as far as that is known", "if it is known"),
    ("what it is told", "its input, its configuration"),
    ("sinner", "mutant"),
    ("somebody else's", "another owner's"),
    ("told apart", "distinguished"),
    ("is none of", "is not one of"),
];

#[test]
fn no_line_is_wider_than_a_hundred_columns() {
    check(&|path, text| {
        let is_markdown = path.extension().is_some_and(|extension| extension == "md");
        let lines = text.lines().enumerate().filter(|(_, line)| line.chars().count() > WIDTH);
        let wide = lines.filter(|(number, line)| {
            let is_free = line.contains("://") || is_markdown && is_free_form(text, *number, line);
            !is_free
        });
        wide.map(|(number, line)| (number, format!("{} columns", line.chars().count()))).collect()
    });
}

#[test]
fn phrases_with_a_better_word_do_not_come_back() {
    check(&|path, text| {
        if path.ends_with("language.rs") {
            return Vec::new();
        }
        let lines = text.lines().enumerate().flat_map(|(number, line)| {
            let lower = line.to_lowercase();
            let found = PHRASES.iter().filter(move |(phrase, _)| contains_words(&lower, phrase));
            found.map(move |(phrase, better)| (number, format!("{phrase:?}: write {better}")))
        });
        lines.collect()
    });
}

#[test]
fn the_documentation_of_a_public_item_begins_with_a_sentence() {
    check(&|path, text| {
        let is_source = path.extension().is_some_and(|extension| extension == "rs")
            && path.components().any(|part| part.as_os_str() == "src");
        if !is_source { Vec::new() } else { unfinished_summaries(text) }
    });
}

/// The public items whose documentation does not begin with a sentence.
fn unfinished_summaries(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let items = lines.iter().enumerate().filter(|(_, line)| line.starts_with("pub "));
    let summaries =
        items.filter_map(|(number, item)| Some((number, item, summary(&lines, number)?)));
    let unfinished = summaries.filter(|(.., summary)| !is_sentence(summary));
    unfinished.map(|(number, item, summary)| (number, format!("{summary:?} of `{item}`"))).collect()
}

/// The first paragraph of the documentation above an item; `None` if there is none.
fn summary(lines: &[&str], item: usize) -> Option<String> {
    let above = lines[..item].iter().rev().skip_while(|line| line.starts_with("#["));
    let mut documentation: Vec<&str> = above.map_while(|line| line.strip_prefix("///")).collect();
    documentation.reverse();
    let paragraph = documentation.into_iter().map(str::trim).take_while(|line| !line.is_empty());
    let summary = paragraph.collect::<Vec<_>>().join(" ");
    (!summary.is_empty()).then_some(summary)
}

fn is_sentence(summary: &str) -> bool {
    let begins =
        |first: char| first.is_uppercase() || first.is_numeric() || "`[\"(".contains(first);
    summary.starts_with(begins) && summary.ends_with(['.', ':', ')']) && summary.contains(' ')
}

/// Whether a line of Markdown can't be broken: a row of a table, a line of a code block.
fn is_free_form(text: &str, number: usize, line: &str) -> bool {
    let fences = text.lines().take(number).filter(|line| line.trim_start().starts_with("```"));
    line.starts_with('|') || fences.count() % 2 == 1
}

/// Whether the phrase occurs, and not as a part of longer words.
fn contains_words(line: &str, phrase: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric() && c != '_');
    line.match_indices(phrase).any(|(start, found)| {
        let (before, after) = (&line[..start], &line[start + found.len()..]);
        is_edge(before.chars().next_back()) && is_edge(after.chars().next())
    })
}

/// Returns the places of a text that break a rule: line indices and messages.
type Rule<'r> = &'r dyn Fn(&Path, &str) -> Vec<(usize, String)>;

/// Applies a rule to every source and document of the project.
///
/// # Panics
///
/// With a list of all places that break the rule.
fn check(rule: Rule) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let files = files(&root);
    assert!(files.len() > 500, "only {} files were found below {}", files.len(), root.display());
    let mut faults = String::new();
    for path in files {
        let text = fs::read_to_string(&path).expect("a readable text file");
        let relative = path.strip_prefix(&root).unwrap_or(&path);
        for (number, fault) in rule(relative, &text) {
            let _ = writeln!(faults, "{}:{}: {fault}", relative.display(), number + 1);
        }
    }
    assert!(faults.is_empty(), "{} places:\n{faults}", faults.lines().count());
}

/// The Rust and Markdown files that people write: nothing built, nothing generated.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("a directory entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let is_left_out =
            ["target", ".git", "corpus"].contains(&name) || path.ends_with("conformance/reports");
        if path.is_dir() && !is_left_out {
            found.extend(files(&path));
        } else if name.ends_with(".rs") || name.ends_with(".md") {
            found.push(path);
        }
    }
    found
}

#[test]
fn a_summary_is_a_sentence_or_is_reported() {
    let reported = |documentation: &str| {
        !unfinished_summaries(&format!("/// {documentation}\n#[must_use]\npub fn item() {{}}"))
            .is_empty()
    };
    assert!(!reported("Returns the port."));
    assert!(!reported("`None` if it is unknown."));
    assert!(reported("the port"));
    assert!(reported("Port"));
}

#[test]
fn a_phrase_is_found_only_as_whole_words() {
    assert!(contains_words("is read anew.", "anew"));
    assert!(!contains_words("manewvre", "anew"));
}
