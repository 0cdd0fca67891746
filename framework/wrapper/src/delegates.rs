//! Reads the delegates of a configuration.

use std::sync::Arc;

use cni_protocol::{
    Object, Request, SpecVersion, Verb, is_plugin_name,
    json::{quoted, shown},
    mesos,
};
use serde_json::Value;

use crate::error::Error;

/// Keys of the outer configuration that are passed on, in addition to all that begin with
/// `cni.dev/`.
const PASSED_ON: [&str; 2] = ["args", "runtimeConfig"];

/// A chain passes results on, which exists since 0.3.0, and needs them on DEL, which exists since
/// 0.4.0.
const OLDEST_FOR_CHAINS: SpecVersion = SpecVersion::V0_4_0;

/// The delegates of a call, in the order of ADD.
#[derive(Clone, Debug, Default)]
pub(crate) struct Delegates {
    pub(crate) list: Arc<[Object]>,
    /// Whether they have the outer keys, as all have that a rewrite has seen.
    has_outer_keys: bool,
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
            Err(Error::Config { key, why }) if verb == Verb::Del => Ok(Self {
                list: Arc::default(),
                unusable: Some(Arc::new((key, why))),
                ..Self::default()
            }),
            list => Ok(Self { list: list?.into(), ..Self::default() }),
        }
    }

    /// Returns the delegates with the outer keys, changed by `rewrite`: it sees what they will get.
    ///
    /// # Errors
    ///
    /// The first error of `rewrite`.
    pub(crate) fn rewritten(
        &self,
        request: &Request,
        rewrite: impl FnMut(&mut Object) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let passed = self.list.iter().map(|delegate| self.with_outer_keys(request, delegate));
        let mut list: Vec<Object> = passed.collect();
        list.iter_mut().try_for_each(rewrite)?;
        Ok(Self { list: list.into(), has_outer_keys: true, unusable: self.unusable.clone() })
    }

    /// Returns what is passed to one of these delegates, except for `prevResult`: its own object,
    /// plus the outer `name`, `args`, `runtimeConfig` and `cni.dev/` keys, and the outer
    /// `cniVersion` if it has none. If it declares capabilities, Mesos's values are added in the
    /// common form.
    pub(crate) fn with_outer_keys(&self, request: &Request, delegate: &Object) -> Object {
        let mut config = delegate.clone();
        if self.has_outer_keys {
            // The rewrites had the last word, but no delegate can do without these two.
            let name = || request.attachment.network.clone().into();
            config.entry("name").or_insert_with(name);
            self.add_version(request, &mut config);
            return config;
        }
        config.insert("name".into(), request.attachment.network.clone().into());
        self.add_version(request, &mut config);
        let outer = request.config.iter();
        let passed_on = outer
            .filter(|(key, _)| PASSED_ON.contains(&key.as_str()) || key.starts_with("cni.dev/"));
        config.extend(passed_on.map(|(key, value)| (key.clone(), value.clone())));
        mesos::translate(&mut config);
        config
    }

    fn add_version(&self, request: &Request, config: &mut Object) {
        let version = self.version(request);
        if !has_version(config)
            && (has_version(&request.config) || version != SpecVersion::default())
        {
            config.insert("cniVersion".into(), version.as_str().into());
        }
    }

    /// Returns the version of a delegate that has none: the outer one, but in a chain at least the
    /// first that passes prevResult on DEL.
    pub(crate) fn version(&self, request: &Request) -> SpecVersion {
        if self.list.len() > 1 { request.version.max(OLDEST_FOR_CHAINS) } else { request.version }
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

fn has_version(config: &Object) -> bool {
    matches!(config.get("cniVersion"), Some(Value::String(text)) if !text.is_empty())
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
