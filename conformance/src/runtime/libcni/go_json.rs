//! JSON as Go prints it after it passed through a map, like configurations in libcni.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};
use serde_json::{Map, Number, Value};

/// Decodes a value into a Go map and encodes it again: keys are sorted and, if `floats`, numbers
/// are rounded to 64-bit floats.
///
/// # Errors
/// If a number is too large for 64 bits.
pub(super) fn through_map(value: Value, floats: bool) -> Result<Value, String> {
    Ok(match value {
        Value::Object(object) => {
            let members =
                object.into_iter().map(|(key, value)| Ok((key, through_map(value, floats)?)));
            let sorted = members.collect::<Result<BTreeMap<_, _>, String>>()?;
            Value::Object(sorted.into_iter().collect())
        }
        Value::Array(items) => {
            let items = items.into_iter().map(|item| through_map(item, floats));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Number(number) if floats => Value::Number(through_float(&number)?),
        other => other,
    })
}

fn through_float(number: &Number) -> Result<Number, String> {
    let float = number.as_f64().filter(|float| float.is_finite());
    let float = float.ok_or_else(|| format!("the number {number} does not fit 64 bits"))?;
    let size = float.abs();
    let text = if size != 0.0 && !(1e-6..1e21).contains(&size) {
        // Go writes a sign before every exponent.
        let text = format!("{float:e}");
        if text.contains("e-") { text } else { text.replace('e', "e+") }
    } else {
        float.to_string()
    };
    text.parse().map_err(|error| format!("the number {text}: {error}"))
}

/// Prints a value as Go does, with the members of objects in their order.
pub(super) fn print(value: &Value) -> String {
    let mut bytes = Vec::new();
    let mut serializer =
        serde_json::Serializer::with_formatter(&mut bytes, GoFormatter(CompactFormatter));
    // Printing a value into a vector cannot fail.
    let printed = value.serialize(&mut serializer);
    debug_assert!(printed.is_ok(), "{printed:?}");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The format of Go, which also escapes the characters of HTML tags and has fewer short escapes.
struct GoFormatter(CompactFormatter);

impl Formatter for GoFormatter {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        text: &str,
    ) -> io::Result<()> {
        for character in text.chars() {
            match character {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    write!(writer, "\\u{:04x}", u32::from(character))?;
                }
                other => write!(writer, "{other}")?,
            }
        }
        Ok(())
    }

    fn write_char_escape<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        match escape {
            CharEscape::Backspace => writer.write_all(b"\\u0008"),
            CharEscape::FormFeed => writer.write_all(b"\\u000c"),
            other => self.0.write_char_escape(writer, other),
        }
    }
}

/// Keeps only these members, in this order, except those that Go omits as empty.
pub(super) fn members(object: &Map<String, Value>, keys: &[&str]) -> Map<String, Value> {
    let there = |key: &&str| object.get(*key).is_some_and(|value| !is_empty(value));
    let keys = keys.iter().filter(|key| there(key));
    keys.map(|key| ((*key).to_owned(), object[*key].clone())).collect()
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn printed(text: &str) -> String {
        print(&through_map(serde_json::from_str(text).unwrap(), true).unwrap())
    }

    #[test]
    fn keys_are_sorted_and_numbers_rounded_as_go_does() {
        for (read, wanted) in [
            (r#"{"b":1,"a":{"d":[2],"c":null}}"#, r#"{"a":{"c":null,"d":[2]},"b":1}"#),
            ("12345678901234567890", "12345678901234567000"),
            ("1e21", "1e+21"),
            ("1E20", "100000000000000000000"),
            ("1.5e-9", "1.5e-9"),
            ("0.000001", "0.000001"),
            ("-0.0000001", "-1e-7"),
            ("1.0", "1"),
            ("0.1", "0.1"),
        ] {
            assert_eq!(printed(read), wanted);
        }
        let problem = through_map(serde_json::from_str("1e400").unwrap(), true).unwrap_err();
        assert!(problem.contains("64 bits"), "{problem}");
    }

    #[test]
    fn html_is_escaped() {
        assert_eq!(
            print(&json!("<a&b>\u{2028}\u{8}é\"\n")),
            r#""\u003ca\u0026b\u003e\u2028\u0008é\"\n""#
        );
    }
}
