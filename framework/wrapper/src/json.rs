//! JSON that others wrote, read within bounds.

use serde::de::Error as _;
use serde_json::{Error, Value};

/// Ten thousand port mappings with all their keys hold sixty thousand. A value takes up to a hundred bytes of memory and three of text, so
/// that the length of the text alone bounds little.
const MOST: usize = 100_000;

/// Reads one document.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, Error> {
    if values(bytes) > MOST {
        return Err(Error::custom(format!("it holds more than {MOST} values")));
    }
    serde_json::from_slice(bytes)
}

/// About how many values the text holds: before each but the first of its list stands a comma, and before that a bracket.
fn values(bytes: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for byte in bytes {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_outside_of_strings_only() {
        assert_eq!(values(br#"{"a":[1,2,"x,[{\",",{}]}"#), 1 + 1 + 3 + 1);
        assert_eq!(values(b"1"), 0);
        assert_eq!(values(br#""\\",[]"#), 2);
    }

    #[test]
    fn a_bomb_is_refused_and_ten_thousand_mappings_are_not() {
        let list = |item: &str, count| format!("[{}0]", item.repeat(count));
        assert!(parse(list("[],", 60_000).as_bytes()).is_err());
        let mapping = r#"{"hostPort":1,"containerPort":1,"protocol":"tcp","hostIP":"","range":1},"#;
        assert!(parse(list(mapping, 10_000).as_bytes()).is_ok());
    }
}
