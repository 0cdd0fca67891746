//! JSON as Mesos prints it: the members of objects are sorted, and numbers that are no 64-bit
//! integers are printed as doubles.

use std::collections::BTreeMap;

use serde_json::{Number, Value};

/// From this power of ten on a double is printed with an exponent, and below the other one.
const EXPONENTS: std::ops::Range<i32> = -6..21;

/// Returns the text of a value.
pub(super) fn print(value: &Value) -> String {
    match value {
        Value::Number(number) => print_number(number),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(print).collect();
            format!("[{}]", items.join(","))
        }
        Value::Object(object) => {
            let sorted: BTreeMap<&String, &Value> = object.iter().collect();
            let member = |(key, value): (&String, &Value)| {
                format!("{}:{}", Value::from(key.as_str()), print(value))
            };
            let members: Vec<String> = sorted.into_iter().map(member).collect();
            format!("{{{}}}", members.join(","))
        }
        other => other.to_string(),
    }
}

fn print_number(number: &Number) -> String {
    match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => integer.to_string(),
        (None, Some(double)) => print_double(double),
        (None, None) => number.to_string(),
    }
}

/// Prints the fewest digits that identify the double, and a decimal point in any case.
fn print_double(double: f64) -> String {
    let shortest = format!("{:e}", double.abs());
    let (digits, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if double.is_sign_negative() { "-" } else { "" };
    if !EXPONENTS.contains(&exponent) {
        let plus = if exponent > 0 { "+" } else { "" };
        return format!("{sign}{digits}e{plus}{exponent}");
    }
    let text = format!("{}", double.abs());
    if text.contains('.') { format!("{sign}{text}") } else { format!("{sign}{text}.0") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts are from a recording of Mesos 1.11.
    #[test]
    fn numbers_are_printed_as_mesos_does() {
        for (given, printed) in [
            ("1.0", "1.0"),
            ("1.5e10", "15000000000.0"),
            ("0.1", "0.1"),
            ("1e-7", "1e-7"),
            ("123456789012", "123456789012"),
            ("-5", "-5"),
            ("9007199254740993", "9007199254740993"),
            ("-0.0", "-0.0"),
        ] {
            let value: Value = serde_json::from_str(given).unwrap();
            assert_eq!(print(&value), printed, "{given}");
        }
    }

    #[test]
    fn members_are_sorted_and_strings_keep_their_letters() {
        let value: Value = serde_json::from_str(
            r#"{"u":"ü€\u0001/<>& 😀\t\n\"\\","A":{},"":[],"t":true,"n":null}"#,
        )
        .unwrap();
        let printed = r#"{"":[],"A":{},"n":null,"t":true,"u":"ü€\u0001/<>& 😀\t\n\"\\"}"#;
        assert_eq!(print(&value), printed);
    }
}
