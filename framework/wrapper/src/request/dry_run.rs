//! A call that nobody made, for commands that tell what a plugin would do.

use std::path::Path;

use serde_json::{Value, json};

use super::Request;
use crate::{Attachment, CniArgs, Environment, Error, FileError, Object, Verb, request::config};

impl Request {
    /// An ADD of no container with the configuration in a file: that of a network, or of a list in which the plugin of this `type` is.
    ///
    /// What a runtime would add can be [set](Request::set).
    ///
    /// # Errors
    ///
    /// The file can't be read (code 5), is no JSON object or has a wrong `cniVersion` (6, 1), or lists no such plugin (7).
    pub fn dry_run(file: &Path, plugin: &str) -> Result<Self, Error> {
        let text = std::fs::read(file).map_err(|source| {
            Error::from(FileError { action: "read", path: file.to_owned(), source })
        })?;
        let whole: Object = serde_json::from_slice(&text)
            .map_err(|error| Error::decode(file.display().to_string(), error))?;
        let config = own(whole, file, plugin)?;
        let version = config::version(&config)?;
        Ok(Self {
            verb: Verb::Add,
            attachment: Attachment::default(),
            netns: None,
            args: CniArgs::default(),
            version,
            config,
            environment: Environment::default(),
        })
    }

    /// Sets what is at a JSON pointer (RFC 6901) of the configuration, and makes the objects on the way.
    ///
    /// # Errors
    ///
    /// Code 7 when something on the way is there and no object.
    pub fn set(&mut self, pointer: &str, value: Value) -> Result<(), Error> {
        let mut keys =
            pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~"));
        let first = keys.next().unwrap_or_default();
        let mut place = self.config.entry(first).or_insert_with(|| json!({}));
        for key in keys {
            let Value::Object(object) = place else {
                return Err(Error::config(pointer, "something on the way is no object"));
            };
            place = object.entry(key).or_insert_with(|| json!({}));
        }
        *place = value;
        Ok(())
    }
}

/// The plugin's own object, which gets name and version of its list, as a runtime does it.
fn own(mut whole: Object, file: &Path, plugin: &str) -> Result<Object, Error> {
    let Some(Value::Array(plugins)) = whole.remove("plugins") else { return Ok(whole) };
    let ours = plugins.into_iter().find(|other| other["type"] == plugin);
    let Some(Value::Object(mut ours)) = ours else {
        let why = format!("no plugin of the list in {} is {plugin}", file.display());
        return Err(Error::config("plugins", why));
    };
    for key in ["cniVersion", "name"] {
        if let Some(value) = whole.remove(key) {
            ours.insert(key.to_owned(), value);
        }
    }
    Ok(ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SpecVersion;

    /// In a file of this name.
    fn of(name: &str, text: &str) -> Result<Request, Error> {
        let directory = cni_test_kit::TempDir::new();
        let file = directory.path().join(name);
        std::fs::write(&file, text).unwrap();
        Request::dry_run(&file, "ours")
    }

    #[test]
    fn of_a_list_it_is_the_plugins_own_object_with_the_lists_name_and_version() {
        let list = r#"{"cniVersion": "1.0.0", "name": "net", "plugins": [{"type": "other"}, {"type": "ours", "key": 1}]}"#;
        let request = of("list", list).unwrap();
        assert_eq!(request.version, SpecVersion::V1_0_0);
        assert_eq!(
            Value::Object(request.config),
            json!({"cniVersion": "1.0.0", "name": "net", "type": "ours", "key": 1})
        );
    }

    #[test]
    fn what_can_not_be_used_is_told_with_the_file() {
        assert!(
            Request::dry_run(Path::new("/no/such"), "ours")
                .unwrap_err()
                .to_string()
                .contains("/no/such")
        );
        assert!(of("no-json", "{").unwrap_err().to_string().contains("no-json"));
        let error = of("no-such", r#"{"plugins": [{"type": "other"}]}"#).unwrap_err().to_string();
        assert!(error.contains("no plugin of the list") && error.contains("ours"), "{error}");
    }

    #[test]
    fn what_is_set_makes_its_objects_and_spares_what_is_there() {
        let mut request = of("set", r#"{"args": {"a": 1}, "text": "x"}"#).unwrap();
        request.set("/args/cni/labels", json!([2])).unwrap();
        request.set("/runtimeConfig", json!({"mac": "m"})).unwrap();
        request.set("/a~1b", json!(3)).unwrap();
        assert_eq!(
            Value::Object(request.config.clone()),
            json!({"args": {"a": 1, "cni": {"labels": [2]}}, "text": "x", "runtimeConfig": {"mac": "m"}, "a/b": 3})
        );
        assert_eq!(request.value("/runtimeConfig/mac"), ["m"]);
        assert_eq!(request.value("/args/cni/labels"), ["2"]);
        assert_eq!(request.value("/a~1b"), ["3"]);
        assert!(
            request.set("/text/more", json!(1)).unwrap_err().to_string().contains("/text/more")
        );
    }
}
