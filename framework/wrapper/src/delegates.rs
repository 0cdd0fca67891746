//! Reads the delegates of a configuration.

use std::sync::Arc;

use cni_protocol::{
    Object, Verb, is_plugin_name,
    json::{quoted, shown},
};
use serde_json::Value;

use crate::error::Error;

/// The delegates of a call, in the order of ADD.
#[derive(Clone, Debug)]
pub(crate) struct Delegates {
    pub(crate) list: Arc<[Object]>,
    /// Why they can't be read, with the path of the key. The list is empty then.
    unusable: Option<Arc<(String, String)>>,
}

impl Delegates {
    /// Reads one delegate or a list of them.
    ///
    /// On DEL, those that can't be read are not an error here: no ADD can have succeeded with them,
    /// and the container must be removable.
    ///
    /// # Errors
    ///
    /// Code 7 with the path `key`.
    pub(crate) fn read(verb: Verb, key: &str, value: &Value) -> Result<Self, Error> {
        match read_delegates(key, value) {
            Err(Error::Config { key, why }) if verb == Verb::Del => {
                Ok(Self { list: Arc::default(), unusable: Some(Arc::new((key, why))) })
            }
            list => Ok(Self { list: list?.into(), unusable: None }),
        }
    }

    pub(crate) fn unusable(&self) -> Option<Error> {
        let (key, why) = self.unusable.as_deref()?;
        Some(Error::config(key, why))
    }
}

fn read_delegates(key: &str, delegates: &Value) -> Result<Vec<Object>, Error> {
    match delegates {
        Value::Null => Ok(Vec::new()),
        Value::Object(object) => Ok(vec![checked(object, key)?]),
        Value::Array(list) if list.is_empty() => Err(Error::config(
            key,
            "the list is empty; name at least one plugin, or leave the key out",
        )),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(index, value)| (format!("{key}[{index}]"), value))
            .map(|(key, value)| match value {
                Value::Object(object) => checked(object, &key),
                other => Err(not_a_plugin(&key, other)),
            })
            .collect(),
        other => Err(not_a_plugin(key, other)),
    }
}

fn not_a_plugin(key: &str, value: &Value) -> Error {
    Error::config(
        key,
        format!(
            "{} is not a plugin configuration; an object with a type is expected",
            shown(value)
        ),
    )
}

fn checked(object: &Object, key: &str) -> Result<Object, Error> {
    let key = format!("{key}.type");
    match object.get("type") {
        Some(Value::String(name)) if is_plugin_name(name) => Ok(object.clone()),
        Some(Value::String(name)) => Err(Error::config(
            key,
            format!("{} is not a file name; give the name of a plugin, not a path", quoted(name)),
        )),
        Some(other) => Err(Error::config(
            key,
            format!("it is {}; the plugin's name is expected", shown(other)),
        )),
        None => Err(Error::config(key, "it is missing; name the plugin to run")),
    }
}
