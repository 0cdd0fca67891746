//! Values of the configuration by JSON pointer.

use serde_json::{Value, json};

use super::Request;
use crate::error::RequestError;

impl Request {
    /// Returns the value at a JSON pointer (RFC 6901), such as `/runtimeConfig/mac`, as text.
    ///
    /// A list gives the values of its members, an object its JSON text; `null` gives nothing.
    pub fn value(&self, pointer: &str) -> Vec<String> {
        texts(self.at(pointer))
    }

    /// The root is not a [`Value`], so the first step is taken here.
    fn at(&self, pointer: &str) -> Option<&Value> {
        let below = pointer.strip_prefix('/')?;
        let (first, _) = below.split_once('/').unwrap_or((below, ""));
        let value = self.config.get(&unescaped(first))?;
        value.pointer(&below[first.len()..])
    }

    /// Sets the value at a JSON pointer (RFC 6901), and creates the objects on the path to it.
    ///
    /// # Errors
    ///
    /// Code 7 if something on the path exists and is not an object.
    pub fn set(&mut self, pointer: &str, value: Value) -> Result<(), RequestError> {
        let mut keys = pointer.split('/').skip(1).map(unescaped);
        let first = keys.next().unwrap_or_default();
        let mut place = self.config.entry(first).or_insert_with(|| json!({}));
        for key in keys {
            let Value::Object(object) = place else {
                return Err(RequestError::config(
                    pointer,
                    "something on its path is not an object",
                ));
            };
            place = object.entry(key).or_insert_with(|| json!({}));
        }
        *place = value;
        Ok(())
    }
}

fn unescaped(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => list.iter().flat_map(|value| texts(Some(value))).collect(),
        Some(other) => vec![other.to_string()],
    }
}
