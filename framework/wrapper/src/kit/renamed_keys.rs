//! Configuration keys that were renamed.

use cni_protocol::Object;

use crate::error::Error;

/// Refuses a configuration that uses the old name of a key.
///
/// `renamed` has pairs of the old and the new path of a key, from the root of the configuration.
/// An old key would otherwise be ignored, or refused without a word on its successor.
///
/// ```
/// use cni_wrapper::refuse_renamed_keys;
/// use serde_json::json;
///
/// const RENAMED: [(&str, &str); 1] = [("retry.tries", "retry.maxAttempts")];
/// let config = json!({"retry": {"tries": 3}}).as_object().cloned().unwrap_or_default();
/// let error = refuse_renamed_keys(&config, &RENAMED).unwrap_err();
/// assert_eq!(error.to_string(), "retry.tries: this key was renamed to retry.maxAttempts");
/// ```
///
/// # Errors
///
/// Code 7, with each old key that is used and its new name.
pub fn refuse_renamed_keys(config: &Object, renamed: &[(&str, &str)]) -> Result<(), Error> {
    let used = renamed.iter().filter(|(old, _)| contains(config, old));
    let errors =
        used.map(|(old, new)| Error::config(*old, format!("this key was renamed to {new}")));
    Error::combine(errors.collect())
}

fn contains(config: &Object, path: &str) -> bool {
    let mut keys = path.split('.');
    let first = keys.next().and_then(|key| config.get(key));
    keys.fold(first, |value, key| value?.get(key)).is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const RENAMED: [(&str, &str); 3] =
        [("cap", "limit"), ("cap.atOnce", "limit.max"), ("file", "recording")];

    fn check(config: Value) -> Result<(), Error> {
        refuse_renamed_keys(config.as_object().unwrap(), &RENAMED)
    }

    #[test]
    fn new_keys_and_old_names_in_other_places_are_accepted() {
        for config in [
            json!({}),
            json!({"limit": {"max": 1}, "recording": "/a"}),
            json!({"atOnce": 1, "limit": {"cap": 1, "atOnce": 1}, "delegate": {"file": "/a"}}),
        ] {
            assert!(check(config.clone()).is_ok(), "{config}");
        }
    }

    #[test]
    fn every_old_key_is_named_with_its_successor_in_one_error() {
        let error = check(json!({"cap": {"atOnce": 1}, "file": null})).unwrap_err();
        assert_eq!(error.code(), 7);
        let message = error.to_string();
        for part in
            ["cap: ", "renamed to limit", "cap.atOnce: ", "limit.max", "file: ", "recording"]
        {
            assert!(message.contains(part), "{part} is not in {message}");
        }
    }
}
