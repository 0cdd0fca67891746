//! A delegate's error object: it is read or is none, keeps every key that it had, and is the same when what is told of it is read again.

use cni_wrapper::{ErrorObject, Object, SpecVersion};

pub(crate) fn holds(input: &[u8]) {
    let Ok(document) = serde_json::from_slice::<Object>(input) else { return };
    let says_something = document.contains_key("code")
        || document.get("msg").is_some_and(serde_json::Value::is_string);
    let Some(error) = ErrorObject::read(&document) else {
        assert!(!says_something, "a code or a message makes an error");
        return;
    };
    for version in SpecVersion::ALL {
        let told = error.to_document(version);
        assert_eq!(told["cniVersion"], version.as_str());
        for key in document.keys().filter(|key| *key != "details") {
            assert!(told.contains_key(key), "{key} is lost");
        }
        assert_eq!(ErrorObject::read(&told).as_ref(), Some(&error), "it is read as it was told");
    }
}
