//! Redaction of secrets, in all that is recorded.
//!
//! A secret is recognized by the words of its name (of a key at any depth, of a variable, of a pair
//! in `CNI_ARGS` or in an object), or by its form in any text. Both are decided here only.

mod names;
mod text;

use std::borrow::Cow;

use cni_wrapper::Object;
use serde_json::Value;

use names::Names;
pub(crate) use names::squeezed;

const REDACTED: &str = "[redacted]";

/// Decides what is a secret, and replaces it.
pub(crate) struct Redactor(Names);

impl Redactor {
    /// Returns a redactor of values whose names contain one of these words.
    pub(crate) fn new(words: &[String]) -> Self {
        Self(Names::new(words))
    }

    /// Returns a document without its secrets.
    pub(crate) fn document(&self, document: &Object) -> Value {
        let mut value = Value::Object(document.clone());
        self.value(&mut value);
        value
    }

    /// Returns the value of a variable of the environment, without its secrets.
    pub(crate) fn variable(&self, name: &str, value: &str) -> String {
        match name {
            _ if self.0.contain(name) => REDACTED.to_owned(),
            "CNI_ARGS" => self.args(value),
            _ => self.text(value).into_owned(),
        }
    }

    /// Returns a text, such as a message, without its secrets.
    pub(crate) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        text::redacted(text, &self.0)
    }

    fn value(&self, value: &mut Value) {
        match value {
            Value::Array(values) => self.array(values),
            Value::Object(object) => self.object(object),
            Value::String(text) => self.string(text),
            _ => {}
        }
    }

    /// An array may be a command line, or the variables of a program.
    fn array(&self, values: &mut [Value]) {
        let mut is_secret = false;
        for value in values {
            let was_secret = std::mem::take(&mut is_secret);
            let Value::String(text) = value else {
                if was_secret {
                    hide(value)
                } else {
                    self.value(value)
                }
                continue;
            };
            let (name, assigned) = text::argument(text);
            match assigned {
                _ if was_secret && !text.starts_with('-') => hide(value),
                _ if !self.0.contain(name) => self.string(text),
                Some(_) => *text = format!("{name}={REDACTED}"),
                None => is_secret = true,
            }
        }
    }

    fn object(&self, object: &mut Object) {
        let is_pair = pair_name(object).is_some();
        let is_secret_pair = pair_name(object).is_some_and(|name| self.0.contain(name));
        for (key, value) in object {
            let is = |name: &str| key.eq_ignore_ascii_case(name);
            match value {
                _ if is_secret_pair && is("value") => hide(value),
                // The name of a pair is not a secret, although its key is called `key`.
                Value::String(_) if is_pair && (is("key") || is("name")) => {}
                _ if self.0.contain(key) => hide(value),
                _ => self.value(value),
            }
        }
    }

    /// A text may be a JSON document, as in annotations of Kubernetes.
    fn string(&self, text: &mut String) {
        if text.trim_start().starts_with(['{', '['])
            && let Ok(document) = serde_json::from_str::<Value>(text)
        {
            let mut redacted = document.clone();
            self.value(&mut redacted);
            if redacted != document {
                *text = redacted.to_string();
            }
        } else if let Cow::Owned(redacted) = self.text(text) {
            *text = redacted;
        }
    }

    /// `CNI_ARGS` has pairs between semicolons. Their values may contain spaces.
    fn args(&self, text: &str) -> String {
        let pair = |pair: &str| match pair.split_once('=') {
            Some((name, value)) => format!("{name}={}", self.variable(name, value)),
            None => self.text(pair).into_owned(),
        };
        text.split(';').map(pair).collect::<Vec<_>>().join(";")
    }
}

/// Replaces a value of any type, except those that can't contain a secret.
fn hide(value: &mut Value) {
    if !matches!(value, Value::Null | Value::Bool(_)) {
        *value = REDACTED.into();
    }
}

/// Returns the name in an object such as a label of Mesos, `{"key": "password", "value": "…"}`.
fn pair_name(object: &Object) -> Option<&str> {
    let get = |wanted: &str| {
        let found = object.iter().find(|(key, _)| key.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value)
    };
    get("value")?;
    ["key", "name"].into_iter().find_map(|key| get(key)?.as_str())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn redacted(mut value: Value) -> Value {
        Redactor::new(&["password".to_owned(), "KEY".to_owned()]).value(&mut value);
        value
    }

    #[test]
    fn secrets_are_redacted_at_any_depth_in_any_case_and_of_any_type() {
        let value = json!({"a": [{"dbPassword": "x", "apiKeys": ["x"],
            "PASSWORDS": {"y": "x"}, "password": 7}], "b": "x"});
        let expected = json!({"a": [{"dbPassword": "[redacted]", "apiKeys": "[redacted]",
            "PASSWORDS": "[redacted]", "password": "[redacted]"}], "b": "x"});
        assert_eq!(redacted(value), expected);
    }

    #[test]
    fn what_can_t_contain_a_secret_is_kept() {
        let value = json!({"password": true, "key": null});
        assert_eq!(redacted(value.clone()), value);
    }

    #[test]
    fn in_a_pair_of_name_and_value_the_value_is_redacted() {
        let labels = json!([{"key": "password", "value": "x"}, {"name": "KEYRING", "value": ["x"]},
            {"Name": "DB_PASSWORD", "Value": "x"}, {"name": "my-key", "value": ["x"]},
            {"key": "colour", "value": "blue"}, {"key": "no pair"}]);
        let expected = json!([{"key": "password", "value": "[redacted]"},
            {"name": "KEYRING", "value": ["x"]},
            {"Name": "DB_PASSWORD", "Value": "[redacted]"},
            {"name": "my-key", "value": "[redacted]"},
            {"key": "colour", "value": "blue"}, {"key": "[redacted]"}]);
        assert_eq!(redacted(labels), expected);
    }

    #[test]
    fn a_text_is_redacted_at_any_depth_and_so_is_a_document_in_a_text() {
        let value = json!({"a": ["Bearer x", {"b": "{\"password\": [\"x\"], \"n\": 1.10}"}],
            "c": "{ \"n\": 1.10 }", "d": "{\"key\": "});
        let expected = json!({
            "a": ["Bearer [redacted]", {"b": "{\"password\":\"[redacted]\",\"n\":1.10}"}],
            "c": "{ \"n\": 1.10 }", "d": "{\"key\": "});
        assert_eq!(redacted(value), expected);
    }

    #[test]
    fn the_value_of_an_option_in_a_list_is_redacted() {
        let value = json!({"args": ["--password", "hu sh", "--key=hu sh", "-key", 7, "-key",
            "--mtu", "1", "DB_PASSWORD=hu;sh", "password", "x", "a key=x"], "b": ["--keys"]});
        let expected = json!({"args": ["--password", "[redacted]", "--key=[redacted]", "-key",
            "[redacted]", "-key", "--mtu", "1", "DB_PASSWORD=[redacted]", "password", "x",
            "a key=[redacted]"], "b": ["--keys"]});
        assert_eq!(redacted(value), expected);
    }

    #[test]
    fn args_keep_their_order_and_parts_without_a_value() {
        let redactor = Redactor::new(&["token".to_owned()]);
        let args = "A=1;Token=t t=t;;odd;B=http://u:p@h";
        let expected = "A=1;Token=[redacted];;odd;B=http://[redacted]@h";
        assert_eq!(redactor.variable("CNI_ARGS", args), expected);
        assert_eq!(redactor.variable("CNI_TOKEN", "x"), "[redacted]");
        assert_eq!(redactor.variable("CNI_PATH", "/opt/cni/bin"), "/opt/cni/bin");
    }
}
