//! Secrets that are recognized by their form, in any text.

use std::borrow::Cow;

use super::REDACTED;
use super::names::Names;

/// Returns the text without what looks like a secret: PEM blocks, the user and password of URLs,
/// credentials of HTTP, JSON web tokens, and `name=value`, `"name": "value"` or lines `name: value`
/// with the name of a secret.
pub(crate) fn redacted<'t>(text: &'t str, names: &Names) -> Cow<'t, str> {
    // All forms but web tokens have one of these. Most texts have none.
    if !text.contains(['=', ':', ' ']) && !text.contains("eyJ") {
        return Cow::Borrowed(text);
    }
    let mut text = Cow::Borrowed(text);
    for find in [pem, userinfo, credentials, web_token] {
        text = replaced(text, find);
    }
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
    let ends = |c: char| c.is_whitespace() || "/?#\"'<>\\".contains(c);
    text.match_indices("://").find_map(|(at, slashes)| {
        let begin = at + slashes.len();
        let authority = text[begin..].split(ends).next()?;
        let end = authority.rfind('@')?;
        (&authority[..end] != REDACTED).then_some((begin, begin + end))
    })
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

/// How far a value extends that is not between quotes.
#[derive(Clone, Copy)]
enum Extent {
    /// To a separator.
    Word,
    /// To the end of the line, or of the quotes around the header.
    Header,
    /// To the end of the line.
    Line,
}

/// Finds the value that is assigned to the name of a secret. `is_whole` is false if the text begins
/// within a line.
fn assignment(text: &str, is_whole: bool, names: &Names) -> Option<Span> {
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
    let is_name = |c: char| c.is_alphanumeric() || "_-.".contains(c);
    let (line, name) = before.split_at(before.trim_end_matches(is_name).len());
    let (is_apart, is_quoted) = (apart.len() < text.len(), before.len() < apart.len());
    let is_spaced = is_apart || after.starts_with(BLANKS);
    let extent = match sign {
        // INI and YAML.
        _ if !is_quoted && is_spaced && is_indent(line, is_whole) => Extent::Line,
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
        Extent::Header => "\r\n\"\\".contains(c),
        Extent::Line => "\r\n".contains(c),
    };
    let (Some(quote), Extent::Word | Extent::Line) = (opening, extent) else {
        let value = if matches!(extent, Extent::Word) { text } else { trimmed };
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sinks::Sinks;

    #[track_caller]
    fn check(cases: &[(&str, &str)]) {
        let names = Names::new(Sinks::default().redact());
        for (text, expected) in cases {
            assert_eq!(redacted(text, &names), *expected, "{text}");
        }
    }

    #[test]
    fn a_pem_block_is_redacted_whole_and_when_one_of_its_ends_is_cut_off() {
        let block = "-----BEGIN EC PRIVATE KEY-----\nhush+/=\nhush\n-----END EC PRIVATE KEY-----";
        check(&[
            (block, "[redacted]"),
            (&format!("a {block} b {block} c"), "a [redacted] b [redacted] c"),
            (&block.replace('\n', "\\n"), "[redacted]"),
            ("see -----BEGIN PRIVATE KEY-----\nhush", "see [redacted]"),
            ("ends with: hush\nhush=\n-----END PRIVATE KEY-----\nb", "ends with: [redacted]\nb"),
            ("----- BEGIN -----", "----- BEGIN -----"),
        ]);
    }

    #[test]
    fn user_and_password_of_a_url_are_redacted_and_its_other_parts_are_not() {
        check(&[
            ("https://me:hush@host:1/a?b=c", "https://[redacted]@host:1/a?b=c"),
            ("https://hush@host", "https://[redacted]@host"),
            ("a://u:hu@sh@h, b://u:hush@h/x", "a://[redacted]@h, b://[redacted]@h/x"),
            ("http://host/a@b http://host?a@b", "http://host/a@b http://host?a@b"),
            ("http://host:80/token", "http://host:80/token"),
        ]);
    }

    #[test]
    fn credentials_of_http_are_redacted_and_words_are_not() {
        check(&[
            ("Bearer hush.hush~1", "Bearer [redacted]"),
            ("-H 'authorization: bearer hush' x", "-H 'authorization: [redacted]"),
            ("sent BEARER  hush, got 401", "sent BEARER  [redacted], got 401"),
            ("with Basic dXNlcjpodXNo", "with Basic [redacted]"),
            ("basic configuration, forbearer x", "basic configuration, forbearer x"),
            ("Cookie: a=hush; b=hush\nHost: x", "Cookie: [redacted]\nHost: x"),
            ("X-Auth-Token: hush", "X-Auth-Token: [redacted]"),
            ("got eyJhb.eyJzd.sig-_1!", "got [redacted]!"),
            ("eyJ.a", "eyJ.a"),
            ("id.xeyJhb.eyJzd.sig, eyJ.eyJ", "id.x[redacted], eyJ.eyJ"),
        ]);
    }

    #[test]
    fn a_value_is_redacted_after_the_name_of_a_secret() {
        check(&[
            ("DB_PASSWORD=hush", "DB_PASSWORD=[redacted]"),
            ("run --token=hush --mtu=1", "run --token=[redacted] --mtu=1"),
            ("http://h/?api_key=hush&b=c", "http://h/?api_key=[redacted]&b=c"),
            ("psk=\"hu sh\" a", "psk=\"[redacted]\" a"),
            ("{\"token\": \"hu\\\"sh\", \"a\": 1", "{\"token\": \"[redacted]\", \"a\": 1"),
            (
                "{\\\"pwd\\\":\\\"hush\\\",\\\"a\\\":1",
                "{\\\"pwd\\\":\\\"[redacted]\\\",\\\"a\\\":1",
            ),
            ("{\"pin\":1,\"psk\":1234}", "{\"pin\":1,\"psk\":[redacted]}"),
            ("invalid token: unexpected }", "invalid token: unexpected }"),
            ("author=me keyboard=us a=b= c:d", "author=me keyboard=us a=b= c:d"),
            ("fd00::1 token=", "fd00::1 token="),
        ]);
    }

    #[test]
    fn a_value_is_redacted_after_a_name_that_is_the_beginning_of_its_line() {
        check(&[
            ("password: hunter2", "password: [redacted]"),
            ("[wifi]\n  psk = hu sh\r\nmtu = 1", "[wifi]\n  psk = [redacted]\r\nmtu = 1"),
            ("a: 1\n- token: hush\n  mtu: 1", "a: 1\n- token: [redacted]\n  mtu: 1"),
            ("psk =hush\nDB_PASS= hush\nx", "psk =[redacted]\nDB_PASS= [redacted]\nx"),
            ("secret : \"hu sh\" # why", "secret : \"[redacted]\" # why"),
            ("token: hu\\sh\"hush", "token: [redacted]"),
            ("invalid token: unexpected }", "invalid token: unexpected }"),
            ("mtu=1, key: not found", "mtu=1, key: not found"),
            ("psk=hush key: not found", "psk=[redacted] key: not found"),
            ("session::open failed, mode = key", "session::open failed, mode = key"),
            ("author: me\npassword:\n  length: 1", "author: me\npassword:\n  length: 1"),
        ]);
    }

    /// Each would take minutes, at least, if every beginning were followed to the end of the text.
    #[test]
    fn the_work_for_a_long_text_does_not_grow_with_the_square_of_its_length() {
        for part in [
            "eyJ",
            "eyJ.",
            "bearer ",
            "basic ",
            "bearer !",
            "://a@",
            "-----BEGIN ",
            "-----END ",
            "Cookie: [redacted] ",
            "token=\\",
        ] {
            let (sender, receiver) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                let names = Names::new(Sinks::default().redact());
                let text = part.repeat((1 << 20) / part.len());
                sender.send(redacted(&text, &names).len())
            });
            let length = receiver.recv_timeout(std::time::Duration::from_secs(60));
            assert!(length.is_ok_and(|length| length > 0), "a megabyte of {part:?}");
        }
    }

    #[test]
    fn any_text_can_be_redacted() {
        let names = Names::new(Sinks::default().redact());
        let parts = [
            "-----BEGIN ",
            "-----END ",
            "-----",
            "ü",
            "://",
            "@",
            "bearer ",
            "eyJ",
            ".",
            "\"",
            "\\",
            "token",
            "=",
            ":",
            "\n",
            " ",
        ];
        for a in parts {
            for b in parts {
                for c in parts {
                    for d in parts {
                        let text = [a, b, c, d, b].concat();
                        let once = redacted(&text, &names).into_owned();
                        assert!(once.len() <= 5 * (text.len() + 12), "{text:?}");
                    }
                }
            }
        }
    }
}
