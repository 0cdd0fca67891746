//! Secrets are hidden by the names of their keys, at any depth.

use serde_json::Value;

const REDACTED: &str = "[redacted]";

/// Hides what stands below keys that contain one of these words, in whatever case.
pub(crate) fn redact(value: &mut Value, words: &[String]) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(|value| redact(value, words)),
        Value::Object(object) => {
            let is_pair = pair_name(object).is_some_and(|name| is_secret(name, words));
            let names_key = pair_name(object).is_some();
            for (key, value) in object {
                match key.as_str() {
                    "value" if is_pair => *value = REDACTED.into(),
                    // The name of a pair is no secret, though its key is called `key`.
                    "key" | "name" if names_key && value.is_string() => {}
                    key if is_secret(key, words) => *value = REDACTED.into(),
                    _ => redact(value, words),
                }
            }
        }
        _ => {}
    }
}

/// The same in the text of `CNI_ARGS`.
pub(crate) fn redact_args(text: &str, words: &[String]) -> String {
    let pair = |pair: &str| match pair.split_once('=') {
        Some((key, _)) if is_secret(key, words) => format!("{key}={REDACTED}"),
        _ => pair.to_owned(),
    };
    text.split(';').map(pair).collect::<Vec<_>>().join(";")
}

/// The name in an object such as Mesos's labels, `{"key": "password", "value": "…"}`.
fn pair_name(object: &serde_json::Map<String, Value>) -> Option<&str> {
    object.get("value")?;
    ["key", "name"].into_iter().find_map(|key| object.get(key)?.as_str())
}

fn is_secret(key: &str, words: &[String]) -> bool {
    let key = key.to_lowercase();
    words.iter().any(|word| key.contains(&word.to_lowercase()))
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
    fn a_secret_is_hidden_at_any_depth_in_whatever_case_and_of_whatever_type() {
        let value = json!({"a": [{"dbPassword": "x", "apiKeys": ["x"], "PASSWORDS": {"y": "x"}}], "b": "x"});
        let expected = json!({"a": [{"dbPassword": "[redacted]", "apiKeys": "[redacted]",
            "PASSWORDS": "[redacted]"}], "b": "x"});
        assert_eq!(redacted(value), expected);
    }

    #[test]
    fn in_a_pair_of_name_and_value_the_value_is_the_secret() {
        let labels = json!([{"key": "password", "value": "x"}, {"name": "KEYRING", "value": ["x"]},
            {"key": "colour", "value": "blue"}, {"key": "no pair"}]);
        let expected = json!([{"key": "password", "value": "[redacted]"}, {"name": "KEYRING", "value": "[redacted]"},
            {"key": "colour", "value": "blue"}, {"key": "[redacted]"}]);
        assert_eq!(redacted(labels), expected);
    }

    #[test]
    fn args_keep_their_order_and_what_is_no_pair() {
        let words = ["token".to_owned()];
        assert_eq!(redact_args("A=1;Token=t=t;;odd", &words), "A=1;Token=[redacted];;odd");
    }
}
