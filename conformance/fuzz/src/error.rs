//! A delegate's error object keeps every key when it is printed, and is the same when the output is
//! read again.

use cni_wrapper::{ErrorObject, Object, SpecVersion};

pub(crate) fn holds(input: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Object>(input) else { return };
    let is_error = document.contains_key("code")
        || document.get("msg").is_some_and(serde_json::Value::is_string);
    let Some(error) = ErrorObject::read(&document) else {
        assert!(!is_error, "a document with `code` or `msg` is an error object");
        return;
    };
    for version in SpecVersion::ALL {
        let written = error.to_document(version);
        assert_eq!(written["cniVersion"], version.as_str());
        for key in document.keys().filter(|key| *key != "details") {
            assert!(written.contains_key(key), "the key {key} was lost");
        }
        assert_eq!(
            ErrorObject::read(&written).as_ref(),
            Some(&error),
            "the output is read as the same error object"
        );
    }
}
