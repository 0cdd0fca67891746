//! Secrets that are recognized by their form, in any text.

mod assignment;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub(super) use assignment::argument;
use assignment::{assignment, option};

use super::REDACTED;
use super::names::Names;

/// Returns the text without what looks like a secret: PEM blocks, the user and password of URLs,
/// credentials of HTTP, JSON web tokens, and `name=value`, `--name value`, `"name": "value"` or
/// lines `name: value` with the name of a secret.
pub(crate) fn redacted<'t>(text: &'t str, names: &Names) -> Cow<'t, str> {
    // All forms but web tokens have one of these. Most texts have none.
    if !text.contains(['=', ':', ' ']) && !text.contains("eyJ") {
        return Cow::Borrowed(text);
    }
    let mut text = Cow::Borrowed(text);
    for find in [pem, userinfo, credentials, web_token] {
        text = replaced(text, find);
    }
    text = replaced(text, |text| option(text, names));
    let length = text.len();
    replaced(text, |text| assignment(text, text.len() == length, names))
}

const BLANKS: [char; 2] = [' ', '\t'];

/// What may precede a value: blanks and a quote, which may be escaped.
const BEFORE_VALUE: [char; 5] = [' ', '\t', '"', '\'', '\\'];

/// The bytes of a secret in a text.
type Span = (usize, usize);

/// Replaces all that `find` finds, beginning each time after the last replacement.
fn replaced<'t>(text: Cow<'t, str>, find: impl Fn(&str) -> Option<Span>) -> Cow<'t, str> {
    let (mut done, mut rest) = (String::new(), &*text);
    while let Some((begin, end)) = find(rest) {
        done.push_str(&rest[..begin]);
        done.push_str(REDACTED);
        rest = &rest[end..];
    }
    if done.is_empty() { text } else { Cow::Owned(done + rest) }
}

/// Finds a PEM block. Its beginning or its end may be cut off, as at the end of a long stderr.
fn pem(text: &str) -> Option<Span> {
    const DASHES: &str = "-----";
    let end = text.find("-----END ");
    // Beyond the first end it is not the first of both.
    let begin = text[..end.unwrap_or(text.len())].find("-----BEGIN ");
    let first = begin.into_iter().chain(end).min()?;
    let after = |end: usize| {
        let label = end + DASHES.len();
        text[label..].find(DASHES).map_or(text.len(), |dashes| label + dashes + DASHES.len())
    };
    if begin == Some(first) {
        let end = text[first..].find("-----END ").map_or(text.len(), |end| after(first + end));
        return Some((first, end));
    }
    let is_content = |c: char| c.is_ascii_alphanumeric() || "+/=\r\n\\".contains(c);
    let content = text[..first].trim_end_matches(is_content).len();
    Some((content, after(first)))
}

/// Finds the user and password of a URL.
fn userinfo(text: &str) -> Option<Span> {
    text.match_indices("://").find_map(|(at, slashes)| {
        let begin = at + slashes.len();
        // Not beyond the next URL, since each would be followed to the end of the text.
        let end = userinfo_end(text[begin..].split("://").next()?)?;
        (&text[begin..begin + end] != REDACTED).then_some((begin, begin + end))
    })
}

/// Returns where the user and password end with which the rest of a URL begins.
///
/// A password with a `/`, `?` or `#` should have it encoded, but not all programs insist on it:
/// what can't be a host and port extends to the last `@`.
fn userinfo_end(url: &str) -> Option<usize> {
    let ends = |c: char| c.is_whitespace() || "\"'<>\\".contains(c);
    let url = url.split(ends).next()?;
    let authority = url.split(['/', '?', '#']).next()?;
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let is_host = match authority.split_once(':') {
        Some((_, port)) => authority.starts_with('[') || is_port(port),
        None => true,
    };
    authority.rfind('@').or_else(|| if is_host { None } else { url.rfind('@') })
}

/// Finds what follows `Bearer` or `Basic`.
fn credentials(text: &str) -> Option<Span> {
    text.match_indices(' ').find_map(|(blank, _)| {
        let is_secret = scheme(&text[..blank])?;
        let token = text[blank..].trim_start_matches(BLANKS);
        let begin = text.len() - token.len();
        let token = token.split(|c: char| !is_token(c)).next().unwrap_or_default();
        is_secret(token).then_some((begin, begin + token.len()))
    })
}

/// Returns what distinguishes credentials from other words after the scheme with which a text ends.
fn scheme(text: &str) -> Option<fn(&str) -> bool> {
    let is = |scheme: &str| {
        let begin = text.len().checked_sub(scheme.len());
        let split = begin.and_then(|begin| text.split_at_checked(begin));
        split.is_some_and(|(before, end)| {
            end.eq_ignore_ascii_case(scheme) && !before.ends_with(char::is_alphanumeric)
        })
    };
    if is("bearer") {
        return Some(|token| !token.is_empty());
    }
    is("basic").then_some(is_base64)
}

/// Reports whether this is one of the characters of tokens in HTTP.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~+/=".contains(c)
}

/// Tells the credentials in `Basic dXNlcjpwYXNz` from a word, as in `basic configuration`.
fn is_base64(token: &str) -> bool {
    let is_special = |c: char| c.is_ascii_digit() || c == '=';
    let inner_capital = token.chars().skip(1).any(|c| c.is_ascii_uppercase());
    token.len() >= 8 && (inner_capital || token.contains(is_special))
}

/// Finds a JSON web token: three parts, of which the first is an encoded object.
fn web_token(text: &str) -> Option<Span> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let mut next = text.find("eyJ")?;
    text[next..].split_inclusive(|c| !is_part(c)).find_map(|piece| {
        let begin = next;
        next += piece.len();
        let parts = piece.trim_end_matches(|c| !is_part(c));
        let (begins, _) = parts.rsplit_once('.').and_then(|(rest, _)| rest.rsplit_once('.'))?;
        let header = begins.rfind('.').map_or(0, |dot| dot + 1);
        let token = header + begins[header..].find("eyJ")?;
        Some((begin + token, begin + parts.len()))
    })
}
