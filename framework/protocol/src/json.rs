//! Helpers for JSON: reading with a bound, and values in messages.

use serde::de::{Deserialize, Error as _};
use serde_json::{Error, Value};

/// A JSON object whose keys keep their order and whose numbers keep their digits.
pub type Object = serde_json::Map<String, Value>;

/// Ten thousand port mappings with four keys each are 50,000; the rest of a configuration is small.
const MOST_VALUES: usize = 50 << 10;

/// Parses exactly one document, of at most 51,200 values.
///
/// The bound is there because two bytes of text such as `0,` or `{}` take a hundred bytes of
/// memory.
///
/// # Errors
///
/// The text is not one JSON document, has too many values, or does not fit `T`.
pub fn read<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, Error> {
    if values(text) > MOST_VALUES {
        return Err(Error::custom(format!("it has more than {MOST_VALUES} values")));
    }
    serde_json::from_slice(text)
}

/// Returns how many values a parsed value consists of, itself and containers included.
pub fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Object(members) => 1 + members.values().map(count).sum::<usize>(),
        _ => 1,
    }
}

/// Returns how many values a text has at most: each but the first follows a comma or an opening
/// bracket.
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

/// Returns the type of a value for a message, with its article.
pub const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Returns a value for a message, truncated if it is long.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        other => truncated(&other.to_string()),
    }
}

/// Returns a text for a message, in quotes and truncated if it is long.
pub fn quoted(text: &str) -> String {
    format!("{:?}", truncated(text))
}

/// The longest text that a message repeats, in bytes.
const SHOWN: usize = 400;

fn truncated(text: &str) -> String {
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
    fn values_are_counted_only_outside_of_strings() {
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
    fn a_container_counts_as_one_value_in_addition_to_its_content() {
        assert_eq!(count(&serde_json::json!(1)), 1);
        assert_eq!(count(&serde_json::json!([1, [2], {"a": 3}])), 6);
    }

    #[test]
    fn the_allowed_number_of_values_is_read_and_one_more_is_refused() {
        let list = |count: usize| format!("[{}0]", "0,".repeat(count - 2));
        assert!(read::<Value>(list(MOST_VALUES).as_bytes()).is_ok());
        let error = read::<Value>(list(MOST_VALUES + 1).as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), "it has more than 51200 values");
    }

    #[test]
    fn a_long_text_is_truncated_between_two_characters() {
        let long = "ü".repeat(1000);
        assert_eq!(quoted(&long), format!("{:?}", "ü".repeat(200) + "…"));
        assert_eq!(shown(&Value::from("a")), "\"a\"");
    }
}
