//! Words of a rule, as iptables-save writes them and iptables-restore reads them.
//!
//! Blanks divide words; double quotes group; within them a backslash takes the next character literally.
//! Nothing else is special.

use std::borrow::Cow;

/// The words of a line; `None` when its quotes don't add up.
pub(super) fn split(line: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut words = Vec::with_capacity(20);
    let mut rest = line.trim_start_matches(is_blank);
    while !rest.is_empty() {
        let word;
        (word, rest) = first(rest)?;
        words.push(word);
    }
    Some(words)
}

/// The first word of a line that begins with it, and what follows; `None` when its quotes don't add up.
pub(super) fn first(line: &str) -> Option<(Cow<'_, str>, &str)> {
    #[cfg(test)]
    tests::LOOKS.set(tests::LOOKS.get() + 1);
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

/// The text up to the closing quote, which ends the word, and what follows.
fn quoted_word(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let plain = text.find(['"', '\\'])?;
    let (word, rest) = if text.as_bytes()[plain] == b'"' {
        (Cow::Borrowed(&text[..plain]), &text[plain + 1..])
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

/// Appends a word so that iptables-restore reads it back as it is; false, with nothing of use appended, for one
/// that can't be expressed.
#[must_use]
pub(super) fn quote(word: &str, line: &mut String) -> bool {
    if !word.is_empty() && word.bytes().all(is_harmless) {
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

/// Everything outside this short list of characters is quoted.
fn is_harmless(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./:,!+-[]".contains(&byte)
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How many words were looked for.
        pub(crate) static LOOKS: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn words_are_divided_at_blanks_and_grouped_by_double_quotes() {
        let line = r#"! -i lo -m comment --comment "a \"b\" \'c\' \\ d" "" x"#;
        assert_eq!(
            split(line).unwrap(),
            ["!", "-i", "lo", "-m", "comment", "--comment", r#"a "b" 'c' \ d"#, "", "x"]
        );
        assert_eq!(split("  ").unwrap(), Vec::<String>::new());
    }

    #[test]
    fn broken_quotes_are_refused() {
        for line in [r#"""#, r#""a"#, r#""a\"#, r#""a\""#, r#""a"b"#] {
            assert_eq!(split(line), None, "{line}");
        }
    }

    #[test]
    fn every_word_survives_being_quoted_unless_it_cannot_be_expressed() {
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
