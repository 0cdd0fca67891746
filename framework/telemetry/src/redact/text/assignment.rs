//! Values that are assigned to the name of a secret: in a command line, a file or a header.

use super::{BEFORE_VALUE, BLANKS, Span};
use crate::redact::REDACTED;
use crate::redact::names::Names;

/// Finds the value that follows an option of a command line, such as `--password x`. The option may
/// be an element of a list, as in `["--password", "x"]`.
pub(super) fn option(text: &str, names: &Names) -> Option<Span> {
    text.match_indices('-').find_map(|(at, dash)| {
        let begins = text[..at].chars().next_back().is_none_or(|c| !is_name(c));
        let begin = at + dash.len();
        let option = text[begin..].trim_start_matches('-');
        let after = option.trim_start_matches(is_name);
        let name = &option[..option.len() - after.len()];
        if !begins || name.is_empty() || !names.contain(name) {
            return None;
        }
        let next = after.trim_start_matches(['"', '\'', '\\']);
        let is_element = next.len() < after.len() && next.starts_with(',');
        let argument = next.trim_start_matches(',').trim_start_matches(BLANKS);
        let is_apart = is_element || next.starts_with(BLANKS);
        let word = argument.trim_start_matches(BEFORE_VALUE);
        if !is_apart || word.starts_with('-') || word.starts_with(REDACTED) {
            return None;
        }
        let offset = text.len() - argument.len();
        let value = value(argument, Extent::Argument);
        (value.0 < value.1).then_some((offset + value.0, offset + value.1))
    })
}

/// Returns the name of the option that an element of a command line is, such as `--password`; and
/// its value, if it contains one. The element may also be a variable, as in `PASSWORD=x`.
pub(in crate::redact) fn argument(text: &str) -> (&str, Option<&str>) {
    let (name, value) = text.split_once('=').map_or((text, None), |(name, it)| (name, Some(it)));
    let is_option = value.is_some() || name.starts_with('-');
    (if is_option && name.chars().all(is_name) { name } else { "" }, value)
}

/// Reports whether this is one of the characters of the names of keys, variables and options.
fn is_name(c: char) -> bool {
    c.is_alphanumeric() || "_-.".contains(c)
}

/// How far a value extends that is not between quotes.
#[derive(Clone, Copy)]
enum Extent {
    /// To a separator.
    Word,
    /// To a blank or a quote.
    Argument,
    /// To the end of the line, or of the quotes around the header.
    Header,
    /// To the end of the line.
    Line,
}

/// Finds the value that is assigned to the name of a secret. `is_whole` is false if the text begins
/// within a line.
pub(super) fn assignment(text: &str, is_whole: bool, names: &Names) -> Option<Span> {
    text.match_indices(['=', ':']).find_map(|(at, sign)| {
        let begin = at + sign.len();
        let assigned = assigned(&text[..at], sign, &text[begin..], is_whole);
        let (_, extent) = assigned.filter(|(name, _)| names.contain(name))?;
        if text[begin..].trim_start_matches(BEFORE_VALUE).starts_with(REDACTED) {
            return None;
        }
        let value = value(&text[begin..], extent);
        (value.0 < value.1).then_some((begin + value.0, begin + value.1))
    })
}

/// Returns the name before a sign that assigns a value to it, and how far the value extends.
fn assigned<'t>(
    text: &'t str,
    sign: &str,
    after: &str,
    is_whole: bool,
) -> Option<(&'t str, Extent)> {
    let apart = text.trim_end_matches(BLANKS);
    let before = apart.trim_end_matches(['"', '\'', '\\']);
    let (line, name) = before.split_at(before.trim_end_matches(is_name).len());
    let (is_apart, is_quoted) = (apart.len() < text.len(), before.len() < apart.len());
    let is_spaced = is_apart || after.starts_with(BLANKS);
    let extent = match sign {
        // INI and YAML.
        _ if !is_quoted && is_spaced && is_indent(line, is_whole) => Extent::Line,
        "=" if !is_apart && name.starts_with('-') => Extent::Argument,
        // Not a sentence such as `mode = key`.
        "=" if !is_apart => Extent::Word,
        ":" if is_quoted => Extent::Word,
        // A header of HTTP, not `invalid token: …`.
        ":" if name.contains('-') || is_header(name) => Extent::Header,
        _ => return None,
    };
    Some((name, extent))
}

/// Reports whether a text ends with the indentation of a line, or with the sign of a list there.
fn is_indent(text: &str, is_whole: bool) -> bool {
    let before = text.trim_end_matches([' ', '\t', '-']);
    before.ends_with(['\r', '\n']) || (before.is_empty() && is_whole)
}

fn is_header(name: &str) -> bool {
    ["authorization", "cookie"].iter().any(|header| name.eq_ignore_ascii_case(header))
}

/// Returns the bytes of a value: what is between quotes, or as far as it extends.
fn value(text: &str, extent: Extent) -> Span {
    let trimmed = text.trim_start_matches(BLANKS);
    let inner = trimmed.trim_start_matches('\\');
    let opening = inner.chars().next().filter(|c| ['"', '\''].contains(c));
    let is_end = |c: char| match extent {
        Extent::Word => c.is_whitespace() || ",;&\"')]}\\".contains(c),
        Extent::Argument => c.is_whitespace() || "\"'\\".contains(c),
        Extent::Header => "\r\n\"\\".contains(c),
        Extent::Line => "\r\n".contains(c),
    };
    let (Some(quote), Extent::Word | Extent::Argument | Extent::Line) = (opening, extent) else {
        let is_adjacent = matches!(extent, Extent::Word | Extent::Argument);
        let value = if is_adjacent { text } else { trimmed };
        let begin = text.len() - value.len();
        return (begin, begin + value.find(is_end).unwrap_or(value.len()));
    };
    let begin = text.len() - inner.len() + 1;
    // The quotes of JSON within JSON are escaped, and so is a quote within the value.
    let escape = &trimmed[..trimmed.len() - inner.len()];
    let end = closing(&text[begin..], quote, escape.len());
    (begin, begin + end)
}

/// Returns where a quoted value ends: at the quote after exactly that many backslashes.
fn closing(text: &str, quote: char, escapes: usize) -> usize {
    let mut backslashes = 0;
    for (index, c) in text.char_indices() {
        if c == quote && backslashes <= escapes {
            return index - backslashes;
        }
        backslashes = if c == '\\' { backslashes + 1 } else { 0 };
    }
    text.len()
}
