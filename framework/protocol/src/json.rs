//! Helpers for JSON: reading with a bound, reading any type, and values in messages.

use serde::de::{Deserialize, DeserializeOwned, Error as _};
use serde_json::{Error, Number, Value};

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

/// Parses one document as any type.
///
/// serde_json keeps the digits of numbers here (its feature `arbitrary_precision`). Its own
/// functions then pass a fraction to a type that does not announce what it expects as a map: an
/// enum without a tag or with an internal one, and a flattened struct. They can't read `1.5` as an
/// `f64` in such a type, or read it as another variant. This function can. Cargo enables the
/// feature in every crate of a program, so an author's own types should be read with it, too.
///
/// ```
/// #[derive(serde::Deserialize, Debug, PartialEq)]
/// #[serde(untagged)]
/// enum Rate {
///     Number(f64),
///     Text(String),
/// }
///
/// assert_eq!(cni_protocol::json::parse::<Rate>(b"1.5")?, Rate::Number(1.5));
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Errors
///
/// The text is not one JSON document, or does not fit `T`.
pub fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, Error> {
    if !may_have_fraction(text) {
        return serde_json::from_slice(text);
    }
    let value: Value = serde_json::from_slice(text)?;
    T::deserialize(&value).or_else(|error| match with_plain_fractions(&value) {
        Some(plain) => T::deserialize(&plain),
        None => Err(error),
    })
}

/// Returns the value with each fraction in its shortest form, such as `1.1` for `1.10`; `None` if
/// it has no fraction in another form.
///
/// A type that does not announce what it expects can read only these: serde has no way to pass it
/// a number together with its digits.
pub(crate) fn with_plain_fractions(value: &Value) -> Option<Value> {
    let mut plain = value.clone();
    shorten(&mut plain).then_some(plain)
}

/// Shortens all fractions. Returns whether one was changed.
fn shorten(value: &mut Value) -> bool {
    // All of them, not only up to the first one.
    let any = |changed: bool, value| shorten(value) | changed;
    match value {
        Value::Array(items) => items.iter_mut().fold(false, any),
        Value::Object(members) => members.values_mut().fold(false, any),
        Value::Number(number) if !number.is_u64() && !number.is_i64() => {
            let shortest = number.as_f64().and_then(Number::from_f64);
            let changed = shortest.filter(|shortest| shortest != number);
            changed.map(|shortest| *number = shortest).is_some()
        }
        _ => false,
    }
}

/// Returns whether a text may have a number that is not a 64-bit integer.
fn may_have_fraction(text: &[u8]) -> bool {
    const DIGITS: usize = 18; // all numbers with so few fit into 64 bits
    let (mut digits, mut in_string, mut escaped) = (0, false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'.' | b'E' => return true,
            b'e' if digits > 0 => return true, // not that of `true`
            b'0'..=b'9' if digits == DIGITS => return true,
            b'0'..=b'9' => digits += 1,
            _ => digits = 0,
        }
    }
    false
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
    fn a_fraction_is_found_only_outside_of_strings() {
        for text in ["1.5", "[1e3]", "{\"a\":-1E3}", "12345678901234567890", "[true,0.1]"] {
            assert!(may_have_fraction(text.as_bytes()), "{text}");
        }
        let without = ["true", "[false,1]", r#"{"1.5":"1e3","\\":12}"#, "123456789012345678"];
        for text in without {
            assert!(!may_have_fraction(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn a_fraction_with_other_digits_than_the_shortest_is_read_as_any_type() {
        #[derive(serde::Deserialize, Debug, PartialEq)]
        #[serde(untagged)]
        enum Rate {
            Number(f64),
            Numbers(Vec<f64>),
        }
        let read = |text: &str| parse::<Rate>(text.as_bytes()).ok();
        assert_eq!(read("1.50"), Some(Rate::Number(1.5)));
        assert_eq!(read("1e3"), Some(Rate::Number(1000.0)));
        assert_eq!(read("[1.50,2]"), Some(Rate::Numbers(vec![1.5, 2.0])));
        let kept: Value = parse(b"[1.50,123456789012345678901234567890]").unwrap();
        assert_eq!(kept.to_string(), "[1.50,123456789012345678901234567890]", "digits are kept");
    }

    #[test]
    fn a_long_text_is_truncated_between_two_characters() {
        let long = "ü".repeat(1000);
        assert_eq!(quoted(&long), format!("{:?}", "ü".repeat(200) + "…"));
        assert_eq!(shown(&Value::from("a")), "\"a\"");
    }
}
