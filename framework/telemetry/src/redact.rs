//! Redaction of secrets, which are recognized by the names of their keys, at any depth.

use serde_json::Value;

const REDACTED: &str = "[redacted]";

/// Redacts the values of keys whose names contain one of these parts, case-insensitively.
pub(crate) fn redact(value: &mut Value, parts: &[String]) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| redact(value, parts)),
        Value::Object(object) => {
            let is_pair = pair_name(object).is_some();
            let is_secret_pair = pair_name(object).is_some_and(|name| is_secret(name, parts));
            for (key, value) in object {
                match key.as_str() {
                    "value" if is_secret_pair => *value = REDACTED.into(),
                    // The name of a pair is not a secret, although its key is called `key`.
                    "key" | "name" if is_pair && value.is_string() => {}
                    key if is_secret(key, parts) => *value = REDACTED.into(),
                    _ => redact(value, parts),
                }
            }
        }
        _ => {}
    }
}

/// Redacts values in the text of `CNI_ARGS`.
pub(crate) fn redact_args(text: &str, parts: &[String]) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((key, _)) if is_secret(key, parts) => format!("{key}={REDACTED}"),
        _ => pair.to_owned(),
    };
    text.split(';').map(pair).collect::<Vec<_>>().join(";")
}

/// Returns the name in an object such as a label of Mesos, `{"key": "password", "value": "…"}`.
fn pair_name(object: &serde_json::Map<String, Value>) -> Option<&str> {
    object.get("value")?;
    ["key", "name"].into_iter().find_map(|key| object.get(key)?.as_str())
}

fn is_secret(key: &str, parts: &[String]) -> bool {
    let key = key.to_lowercase();
    parts.iter().any(|part| key.contains(&part.to_lowercase()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(mut value: Value) -> Value {
        redact(&mut value, &["password".to_owned(), "KEY".to_owned()]);
        value
    }

    #[test]
    fn secrets_are_redacted_at_any_depth_in_any_case_and_of_any_type() {
        let value = json!({"a": [{"dbPassword": "x", "apiKeys": ["x"],
            "PASSWORDS": {"y": "x"}}], "b": "x"});
        let expected = json!({"a": [{"dbPassword": "[redacted]", "apiKeys": "[redacted]",
            "PASSWORDS": "[redacted]"}], "b": "x"});
        assert_eq!(redacted(value), expected);
    }

    #[test]
    fn in_a_pair_of_name_and_value_the_value_is_redacted() {
        let labels = json!([{"key": "password", "value": "x"}, {"name": "KEYRING", "value": ["x"]},
            {"key": "colour", "value": "blue"}, {"key": "no pair"}]);
        let expected = json!([{"key": "password", "value": "[redacted]"},
            {"name": "KEYRING", "value": "[redacted]"},
            {"key": "colour", "value": "blue"}, {"key": "[redacted]"}]);
        assert_eq!(redacted(labels), expected);
    }

    #[test]
    fn args_keep_their_order_and_parts_without_a_value() {
        let parts = ["token".to_owned()];
        assert_eq!(redact_args("A=1;Token=t=t;;odd", &parts), "A=1;Token=[redacted];;odd");
    }
}
