//! The delegates of a wrapper that selects among several.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Subject;
use crate::profile::Profile;

/// The delegate of most wrappers.
const DELEGATE: &str = "/delegate";

/// A delegate of a wrapper that selects among several, and how it is selected.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SelectableDelegate {
    /// The JSON pointer of its object in the plugin's configuration, such as `/delegates/vault`.
    pub at: String,
    /// Keys of the configuration, which replace the subject's, with which the plugin selects it.
    #[serde(default)]
    pub config: Map<String, Value>,
}

impl Subject {
    /// Returns the subject once for each delegate that it selects among, configured to select that
    /// one, with its name; a subject that does not select is returned as it is.
    pub fn for_each_delegate(&self) -> Vec<(Option<String>, Self)> {
        if self.delegates.is_empty() {
            return vec![(None, self.clone())];
        }
        let select = |name: &String| Some((Some(name.clone()), self.for_delegate(name)?));
        self.delegates.keys().filter_map(select).collect()
    }

    /// Returns the subject configured to select a delegate; `None` if it has no such delegate.
    pub fn for_delegate(&self, name: &str) -> Option<Self> {
        let delegate = self.delegates.get(name)?;
        let mut subject = self.clone();
        subject.config.extend(delegate.config.clone());
        subject.delegates.retain(|other, _| other == name);
        Some(subject)
    }

    /// Returns the JSON pointer of the delegate, or of the IPAM plugin, that a case replaces by a
    /// fake.
    pub fn delegate_pointer(&self) -> Option<&str> {
        match self.profile {
            Profile::Wrapper => {
                let selected = self.delegates.values().next();
                Some(selected.map_or(DELEGATE, |delegate| delegate.at.as_str()))
            }
            Profile::Interface if self.config.get("ipam").is_some_and(Value::is_object) => {
                Some("/ipam")
            }
            _ => None,
        }
    }

    /// Checks the keys about delegates.
    pub(super) fn check_delegates(&self) -> Result<(), String> {
        if self.profile != Profile::Wrapper && !self.delegates.is_empty() {
            return Err("`delegates` is a key of wrappers only".to_owned());
        }
        for (name, delegate) in &self.delegates {
            if !delegate.at.starts_with('/') {
                let at = &delegate.at;
                return Err(format!(
                    "delegates.{name}.at: `{at}` is not a JSON pointer such as `/delegates/{name}`"
                ));
            }
        }
        Ok(())
    }
}

/// Sets a value in a configuration. Objects on the way that do not exist are created.
pub(crate) fn put(config: &mut Map<String, Value>, pointer: &str, value: Value) {
    let mut keys = pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~"));
    let Some(first) = keys.next() else { return };
    let mut place = config.entry(first).or_insert(Value::Null);
    for key in keys {
        place = match place {
            Value::Array(list) => match key.parse().ok().and_then(|at: usize| list.get_mut(at)) {
                Some(element) => element,
                None => return,
            },
            // An index of anything but an object or null would panic.
            Value::Object(_) | Value::Null => &mut place[key],
            other => {
                *other = Value::Null;
                &mut other[key]
            }
        };
    }
    *place = value;
}

/// Returns the value at a JSON pointer.
pub(crate) fn get<'c>(config: &'c Map<String, Value>, pointer: &str) -> Option<&'c Value> {
    let (first, rest) = pointer.strip_prefix('/')?.split_once('/').map_or_else(
        || (&pointer[1..], String::new()),
        |(first, rest)| (first, format!("/{rest}")),
    );
    config.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(&rest)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn a_value_is_read_and_replaced_at_a_pointer() {
        let config = object(json!({"a": {"b/c": {"type": "x"}}, "list": [{"type": "y"}]}));
        for (pointer, kind) in [("/a/b~1c", Some("x")), ("/list/0", Some("y")), ("/a/d", None)] {
            let mut config = config.clone();
            let found = get(&config, pointer).and_then(|found| found["type"].as_str());
            assert_eq!(found, kind, "{pointer}");
            put(&mut config, pointer, json!({"type": "new"}));
            assert_eq!(get(&config, pointer), Some(&json!({"type": "new"})), "{pointer}");
        }
        let mut empty = Map::new();
        put(&mut empty, "/delegate", json!(1));
        put(&mut empty, "/x/y", json!(2));
        assert_eq!(Value::from(empty), json!({"delegate": 1, "x": {"y": 2}}));
    }

    #[test]
    fn a_subject_is_judged_with_each_delegate_that_it_selects_among() {
        let text = json!({"plugin": "x", "profile": "wrapper", "config": {"use": "a", "k": 1},
            "delegates": {
                "a": {"at": "/delegate"},
                "b": {"at": "/delegates/b", "config": {"use": "b"}}}});
        let subject = Subject::parse(&text.to_string()).unwrap();
        let each: Vec<_> = subject.for_each_delegate();
        let shown: Vec<_> = each
            .iter()
            .map(|(name, one)| {
                (name.as_deref(), one.delegate_pointer(), Value::from(one.config.clone()))
            })
            .collect();
        let expected = [
            (Some("a"), Some("/delegate"), json!({"use": "a", "k": 1})),
            (Some("b"), Some("/delegates/b"), json!({"use": "b", "k": 1})),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn wrong_delegates_are_refused() {
        for (profile, at, problem) in
            [("chained", "/a", "wrappers only"), ("wrapper", "a.b", "not a JSON pointer")]
        {
            let text = json!({"plugin": "x", "profile": profile, "delegates": {"a": {"at": at}}});
            let refused = Subject::parse(&text.to_string()).unwrap_err();
            assert!(refused.contains(problem), "{refused}");
        }
    }
}
