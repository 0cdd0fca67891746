//! What a call says, as texts that a rule can compare.

use serde_json::Value;

use super::Request;

impl Request {
    /// The values of the [labels](Request::labels) with this key; none where there is no such label.
    pub fn label(&self, key: &str) -> Vec<String> {
        let labels = self.labels().into_iter().filter(|(name, _)| name == key);
        labels.map(|(_, value)| value).collect()
    }

    /// The value at a JSON pointer (RFC 6901) of the configuration, such as `/runtimeConfig/mac`, as text: a list has those of its
    /// members, an object is there and no more, `null` is none.
    pub fn value(&self, pointer: &str) -> Vec<String> {
        texts(self.at(pointer))
    }

    /// The root is not a [`Value`], so the first step is made here.
    fn at(&self, pointer: &str) -> Option<&Value> {
        let below = pointer.strip_prefix('/')?;
        let (first, _) = below.split_once('/').unwrap_or((below, ""));
        let value = self.config.get(&first.replace("~1", "/").replace("~0", "~"))?;
        value.pointer(&below[first.len()..])
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => list.iter().flat_map(|value| texts(Some(value))).collect(),
        Some(other) => vec![other.to_string()],
    }
}
