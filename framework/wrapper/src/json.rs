//! JSON from outside, with a bound on how many values it has: a byte of text such as `0,` or `{}` becomes a hundred bytes of memory.

use serde::de::{Deserialize, Error as _};
use serde_json::{Error, Value};

/// Ten thousand port mappings with four keys each are 50,000; the rest of a configuration is small.
const MOST_VALUES: usize = 50 << 10;

/// Reads exactly one document.
pub(crate) fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Error> {
    if values(text) > MOST_VALUES {
        return Err(Error::custom(format!("it holds more than {MOST_VALUES} values")));
    }
    serde_json::from_slice(text)
}

/// The same for a value that has been read: how many are in it.
pub(crate) fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// How many values a document has at most: each but the first stands behind a comma or at the beginning of a list or an object.
fn values(text: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (1, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

/// A value for a message: the beginning of it, when it is long.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => cut(&other.to_string()),
    }
}

/// A text for a message, in quotes: the beginning of it, when it is long.
pub(crate) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}

/// The longest text that a message repeats, in bytes.
const SHOWN: usize = 400;

fn cut(text: &str) -> String {
    if text.len() <= SHOWN {
        return text.to_owned();
    }
    let end = (0..=SHOWN).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_what_stands_in_strings_is_not() {
        for (text, most) in [
            ("1", 1),
            ("[1,2,[3]]", 5),
            (r#"{"a":1,"b":{"c":2}}"#, 4),
            (r#""[[[,,,\"[[\\""#, 1),
            (r#"["\\",1]"#, 3),
        ] {
            assert_eq!(values(text.as_bytes()), most, "{text}");
        }
    }

    #[test]
    fn as_many_as_are_allowed_are_read_and_one_more_is_not() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
        assert!(read::<Value>(list(MOST_VALUES).as_bytes()).is_ok());
        let error = read::<Value>(list(MOST_VALUES + 1).as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "it holds more than 51200 values");
    }

    #[test]
    fn a_long_text_is_cut_between_two_characters() {
        let long = "ü".repeat(1000);
        assert_eq!(quoted(&long), format!("{:?}", "ü".repeat(200) + "…"));
        assert_eq!(shown(&Value::from("a")), "\"a\"");
    }
}
