//! Splits a text of the specification into sentences, and compares it with the table.

use sha2::{Digest, Sha256};

use super::sentence::Sentence;

/// A sentence in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The number of the line in which it begins.
    pub line: usize,
    /// The sentence, with single blanks between words and without the marker of a list.
    pub sentence: String,
}

impl Found {
    /// Returns the first twelve hexadecimal digits of its SHA-256.
    pub fn hash(&self) -> String {
        let digest = Sha256::digest(self.sentence.as_bytes());
        digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Returns the sentences of a text in Markdown. A heading, a row of a table, and a line in a block
/// of code end a sentence, too.
pub fn sentences(text: &str) -> Vec<Found> {
    let mut all = Vec::new();
    let mut block: Vec<(usize, &str)> = Vec::new();
    let mut in_code = false;
    for (number, line) in (1..).zip(text.lines()) {
        let words = line.trim();
        let fence = words.starts_with("```");
        if fence || words.is_empty() || in_code || stands_alone(words) || is_item(words) {
            all.append(&mut split(&std::mem::take(&mut block)));
        }
        in_code ^= fence;
        if !fence && !words.is_empty() {
            block.push((number, without_marker(words)));
        }
        if stands_alone(words) {
            all.append(&mut split(&std::mem::take(&mut block)));
        }
    }
    all.append(&mut split(&block));
    all
}

fn stands_alone(words: &str) -> bool {
    words.starts_with('#') || words.contains('|')
}

fn is_item(words: &str) -> bool {
    without_marker(words).len() < words.len()
}

/// Removes the marker of a list or of a table's row.
fn without_marker(words: &str) -> &str {
    let digits = words.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = if digits.len() < words.len() {
        digits.strip_prefix(". ").or_else(|| digits.strip_prefix(") "))
    } else {
        None
    };
    let marked = ["- ", "* ", "| "].into_iter().find_map(|marker| words.strip_prefix(marker));
    marked.or(numbered).unwrap_or(words).trim_start()
}

/// Splits the lines of a block into sentences.
fn split(block: &[(usize, &str)]) -> Vec<Found> {
    let words = block
        .iter()
        .flat_map(|(number, line)| line.split_whitespace().map(move |word| (*number, word)));
    let words: Vec<(usize, &str)> = words.collect();
    let mut found: Vec<Found> = Vec::new();
    let mut begins = true;
    for (index, (line, word)) in words.iter().enumerate() {
        match found.last_mut().filter(|_| !begins) {
            Some(last) => last.sentence.extend([" ", *word]),
            None => found.push(Found { line: *line, sentence: (*word).to_owned() }),
        }
        begins = words.get(index + 1).is_some_and(|(_, next)| ends(word) && may_begin(next));
    }
    found
}

/// Reports whether a sentence can end with this word.
fn ends(word: &str) -> bool {
    let bare = word.trim_end_matches([')', '*', '_', '"', '`']);
    bare.ends_with(['.', '!', '?']) && !["e.g.", "(e.g.", "i.e.", "(i.e."].contains(&bare)
}

fn may_begin(word: &str) -> bool {
    word.starts_with(|c: char| c.is_uppercase() || "`*\"_([<".contains(c))
}

/// Returns the sentence of the text that a line of the table is about: of those that begin so, the
/// one that is nearest to its line number.
pub fn locate<'t>(text: &'t [Found], sentence: &Sentence) -> Option<&'t Found> {
    let candidates = text.iter().filter(|found| found.sentence.starts_with(&sentence.begins));
    candidates.min_by_key(|found| found.line.abs_diff(sentence.line))
}

/// Returns what is wrong with a line of the table, compared with its text.
pub fn problem(text: &[Found], sentence: &Sentence) -> Option<String> {
    let Sentence { code, text: version, line, demand, begins, .. } = sentence;
    let place = format!("{code} in {version}, line {line} (`{begins}`)");
    let Some(found) = locate(text, sentence) else {
        return Some(format!("{place}: no sentence of the text begins so"));
    };
    if found.line != *line {
        return Some(format!("{place}: the sentence is in line {}", found.line));
    }
    if found.hash() != sentence.hash {
        return Some(format!("{place}: the sentence has changed: {}", found.sentence));
    }
    (!demand.is_in(&found.sentence)).then(|| {
        format!("{place}: is marked `{demand}`, which it does not say: {}", found.sentence)
    })
}
