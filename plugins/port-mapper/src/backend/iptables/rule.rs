//! A rule as a list of words, and the quoting that iptables-save and iptables-restore share.
//!
//! Blanks separate words, and double quotes group them. Inside quotes a backslash escapes the next
//! character. No other character is special.

use std::borrow::Cow;

/// The words of a rule, without the command and the chain.
pub(super) type Words = Vec<Cow<'static, str>>;

/// A rule and the chain that contains it. A jump is a rule, too.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rule {
    pub(super) chain: Cow<'static, str>,
    pub(super) words: Words,
}

impl Rule {
    pub(super) fn new(chain: impl Into<Cow<'static, str>>, words: Words) -> Self {
        Self { chain: chain.into(), words }
    }
}

/// Splits a line into words. Returns `None` if its quotes are not balanced.
pub(crate) fn split(line: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut words = Vec::with_capacity(20);
    let mut rest = line.trim_start_matches(is_blank);
    while !rest.is_empty() {
        let word;
        (word, rest) = split_first(rest)?;
        words.push(word);
    }
    Some(words)
}

/// Splits off the word that a line begins with. Returns `None` if its quotes are not balanced.
pub(super) fn split_first(line: &str) -> Option<(Cow<'_, str>, &str)> {
    #[cfg(test)]
    tests::WORDS_READ.set(tests::WORDS_READ.get() + 1);
    let (word, rest) = match line.strip_prefix('"') {
        Some(quoted) => quoted_word(quoted)?,
        None => {
            let (word, rest) = line.split_at(line.find(is_blank).unwrap_or(line.len()));
            (Cow::Borrowed(word), rest)
        }
    };
    Some((word, rest.trim_start_matches(is_blank)))
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// Splits at the closing quote, which ends the word.
fn quoted_word(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let special = text.find(['"', '\\'])?;
    let (word, rest) = if text.as_bytes()[special] == b'"' {
        (Cow::Borrowed(&text[..special]), &text[special + 1..])
    } else {
        let (word, rest) = unescaped(text)?;
        (Cow::Owned(word), rest)
    };
    (rest.is_empty() || rest.starts_with(is_blank)).then_some((word, rest))
}

fn unescaped(text: &str) -> Option<(String, &str)> {
    let mut word = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((word, &text[at + 1..])),
            '\\' => word.push(chars.next()?.1),
            c => word.push(c),
        }
    }
    None
}

/// Appends a word such that iptables-restore reads it back unchanged.
///
/// Returns false if the word contains control characters, which can't be expressed. The line is of
/// no use then.
#[must_use]
pub(super) fn quote(word: &str, line: &mut String) -> bool {
    if !word.is_empty() && word.bytes().all(needs_no_quotes) {
        line.push_str(word);
        return true;
    }
    line.push('"');
    for c in word.chars() {
        if matches!(c, '"' | '\\') {
            line.push('\\');
        }
        line.push(c);
    }
    line.push('"');
    !word.contains(char::is_control)
}

/// A short list of characters. A word with any other one is quoted.
fn needs_no_quotes(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./:,!+-[]".contains(&byte)
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// The number of words that were split off.
        pub(crate) static WORDS_READ: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn words_are_separated_by_blanks_and_grouped_by_double_quotes() {
        let line = r#"! -i lo -m comment --comment "a \"b\" \'c\' \\ d" "" x"#;
        assert_eq!(
            split(line).unwrap(),
            ["!", "-i", "lo", "-m", "comment", "--comment", r#"a "b" 'c' \ d"#, "", "x"]
        );
        assert_eq!(split("  ").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn unbalanced_quotes_are_refused() {
        for line in [r#"""#, r#""a"#, r#""a\"#, r#""a\""#, r#""a"b"#] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    #[test]
    fn every_word_survives_quoting_unless_it_cannot_be_expressed() {
        for word in [
            "", "a", "a b", "\"", "\\", "'", "$(x)", "`x`", "ü ß", "-x", "#", "a\\\"b", "; rm",
            "*nat",
        ] {
            let mut line = String::new();
            assert!(quote(word, &mut line), "{word}");
            assert_eq!(split(&line).unwrap(), [word], "{line}");
        }
        for word in ["a\nCOMMIT", "\r", "\0", "\u{85}"] {
            assert!(!quote(word, &mut String::new()), "{word:?}");
        }
    }
}
