//! Warnings of keys that no layer reads but that resemble one that a layer reads.

use std::{
    marker::PhantomData,
    sync::{Mutex, MutexGuard, PoisonError},
};

use cni_protocol::{Object, keys};
use serde::{
    Deserializer,
    de::{DeserializeOwned, Visitor, value::Error as Unread},
    forward_to_deserialize_any,
};

/// Warns of the keys of an object in the configuration that are not known but resemble a known one:
/// they are probably mistyped. `path` is the path of the object, such as `ports[0]`.
///
/// The top-level keys of the configuration are checked by the toolkit itself, by the types that the
/// layers read them as ([`Call::read_config`](crate::Call::read_config)). Letter case makes no
/// difference, so keys must be read in any.
pub fn warn_of_mistyped_keys(path: &str, object: &Object, known: &[&str]) {
    for (key, meant) in mistyped_keys(object, known) {
        log::warn!("{path}.{key} is not a known key; did you mean {meant}? It is ignored");
    }
}

/// Returns the unknown keys, each with the known one that it resembles.
fn mistyped_keys<'o, 'k>(object: &'o Object, known: &[&'k str]) -> Vec<(&'o str, &'k str)> {
    let is_known = |key: &&str| known.iter().any(|known| known.eq_ignore_ascii_case(key));
    let unknown = object.keys().map(String::as_str).filter(|key| !is_known(key));
    let unknown = unknown.filter(|key| !keys::is_free(key));
    unknown.filter_map(|key| Some((key, keys::nearest(key, known)?))).collect()
}

/// The keys of the toolkit, in addition to those of the specification.
const OF_TOOLKIT: [&str; 2] = ["delegate", "wrapper"];

/// The keys that the layers of a call have read, by the types that they were read as.
#[derive(Debug, Default)]
pub(crate) struct KnownKeys(Mutex<Known>);

#[derive(Clone, Debug, Default)]
struct Known {
    names: Vec<&'static str>,
    /// Whether a layer has read all keys, so that none is known to be unused.
    reads_all: bool,
    /// Whether a layer wants unknown keys to be refused.
    refuses_unknown: bool,
}

impl KnownKeys {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the keys that a type names.
    pub(crate) fn note<T: DeserializeOwned>(&self) {
        let mut known = self.known();
        match fields::<T>() {
            Fields::Named(names) => known.names.extend(names),
            Fields::All => known.reads_all = true,
            Fields::None => {}
        }
    }

    /// Makes unknown keys an error of this call.
    pub(crate) fn refuse_unknown(&self) {
        self.known().refuses_unknown = true;
    }

    /// Returns the first key that no layer reads, and those that layers read, if it is to be
    /// refused.
    pub(crate) fn refused<'c>(&self, config: &'c Object) -> Option<(&'c str, Vec<&'static str>)> {
        let known = self.known();
        let key = known.unknown(config).next().filter(|_| known.refuses_unknown)?;
        Some((key, known.names.clone()))
    }

    /// Returns the top-level keys that no layer reads, each with the known key that it resembles.
    pub(crate) fn mistyped<'c>(&self, config: &'c Object) -> Vec<(&'c str, &'static str)> {
        let known = self.known();
        let names = known.all_names();
        let unknown = known.unknown(config);
        unknown.filter_map(|key| Some((key, keys::nearest(key, &names)?))).collect()
    }
}

/// Returns the configuration with the keys that a type names in the letter case of the type, if one
/// is written in another.
///
/// Go's JSON library reads keys in any letter case, and their configurations have them in
/// any. One in the exact letter case comes first.
pub(crate) fn respelled<T: DeserializeOwned>(config: &Object) -> Option<Object> {
    let Fields::Named(names) = fields::<T>() else { return None };
    let named = |key: &str| {
        let is_other = |name: &&&str| **name != key && name.eq_ignore_ascii_case(key);
        let name = names.iter().find(is_other).filter(|_| !names.contains(&key))?;
        (!config.contains_key(*name)).then_some(*name)
    };
    if !config.keys().any(|key| named(key).is_some()) {
        return None;
    }
    let spelled = |key: &String| named(key).map_or_else(|| key.clone(), str::to_owned);
    Some(config.iter().map(|(key, value)| (spelled(key), value.clone())).collect())
}

impl Known {
    fn all_names(&self) -> Vec<&'static str> {
        let names = self.names.iter().copied();
        keys::OF_PLUGINS.into_iter().chain(OF_TOOLKIT).chain(names).collect()
    }

    fn unknown<'c>(&self, config: &'c Object) -> impl Iterator<Item = &'c str> + use<'c> {
        let (names, reads_all) = (self.all_names(), self.reads_all);
        let own = self.names.clone();
        let is_read = move |key: &str| own.iter().any(|name| name.eq_ignore_ascii_case(key));
        config.keys().map(String::as_str).filter(move |key| {
            let is_known = names.contains(key)
                || is_read(key)
                || keys::is_free(key)
                || keys::OF_LISTS.contains(key);
            !is_known && !reads_all
        })
    }
}

/// What a type reads of an object.
#[derive(Debug, PartialEq)]
pub(crate) enum Fields {
    None,
    Named(&'static [&'static str]),
    All,
}

/// Finds out what a type reads, by having it read from nothing: derived implementations pass the
/// names of their fields.
pub(crate) fn fields<T: DeserializeOwned>() -> Fields {
    let mut fields = Fields::All;
    // It fails, whatever the type is.
    let _ = T::deserialize(Probe { fields: &mut fields, lifetime: PhantomData });
    fields
}

struct Probe<'f, 'de> {
    fields: &'f mut Fields,
    lifetime: PhantomData<&'de ()>,
}

fn unread() -> Unread {
    serde::de::Error::custom("only the names of the fields are asked for")
}

impl<'de> Deserializer<'de> for Probe<'_, 'de> {
    type Error = Unread;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unread> {
        Err(unread())
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        names: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Unread> {
        *self.fields = Fields::Named(names);
        Err(unread())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Unread> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unread> {
        visitor.visit_some(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unread> {
        *self.fields = Fields::None;
        Err(unread())
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unread> {
        *self.fields = Fields::None;
        Err(unread())
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit_struct seq tuple tuple_struct map enum identifier
    }
}

#[cfg(test)]
#[allow(dead_code, reason = "only the names of the fields matter")]
mod tests {
    use serde::{Deserialize, de::IgnoredAny};
    use serde_json::{Value, json};

    use super::*;

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Own {
        exclude_devices: Option<Value>,
        chain: String,
    }

    #[derive(Deserialize)]
    struct Open {
        #[serde(flatten)]
        all: Object,
    }

    fn mistyped(known: &KnownKeys, config: Value) -> Vec<(String, &'static str)> {
        let config = config.as_object().cloned().unwrap_or_default();
        known.mistyped(&config).into_iter().map(|(key, near)| (key.to_owned(), near)).collect()
    }

    #[test]
    fn the_keys_of_a_type_are_the_names_of_its_fields() {
        assert_eq!(fields::<Own>(), Fields::Named(&["excludeDevices", "chain"]));
        assert_eq!(fields::<Option<Own>>(), Fields::Named(&["excludeDevices", "chain"]));
        assert_eq!(fields::<IgnoredAny>(), Fields::None);
        for all in [fields::<Value>(), fields::<Object>(), fields::<Open>()] {
            assert_eq!(all, Fields::All);
        }
    }

    #[test]
    fn a_key_that_resembles_one_of_any_layer_is_found() {
        let known = KnownKeys::default();
        let config = json!({"chains": "X", "guards": {}, "delegates": {}, "runtimeconfig": {}});
        known.note::<Own>();
        assert_eq!(
            mistyped(&known, config),
            [("chains", "chain"), ("delegates", "delegate"), ("runtimeconfig", "runtimeConfig")]
                .map(|(key, near)| (key.to_owned(), near))
        );
        let valid = json!({"chain": "X", "excludeDevices": [], "plugins": [], "_chain": 1,
            "cni.dev/chain": 1, "comment": "", "vlan": 7, "delegate": {}, "wrapper": {}});
        assert_eq!(mistyped(&known, valid), []);
    }

    #[test]
    fn keys_are_read_in_any_letter_case_and_the_exact_one_comes_first() {
        let respelled = |config: Value| {
            let config = respelled::<Own>(config.as_object().expect("an object"));
            config.map(Value::Object)
        };
        assert_eq!(respelled(json!({"chain": "X", "Bridge": 1})), None);
        assert_eq!(respelled(json!({"chain": "X", "CHAIN": "Y"})), None);
        let expected = Some(json!({"chain": "Y", "excludeDevices": [], "Bridge": 1}));
        assert_eq!(respelled(json!({"Chain": "Y", "excludedevices": [], "Bridge": 1})), expected);
        let known = KnownKeys::default();
        known.note::<Own>();
        assert_eq!(mistyped(&known, json!({"CHAIN": "Y", "excludedevices": []})), []);
    }

    #[test]
    fn a_key_within_an_object_that_resembles_a_known_one_is_found() {
        let object = json!({"proto": "udp", "hostport": 1, "hostIp": "", "host_ip": "", "_range": 1,
            "name": "web"});
        let known = ["hostPort", "hostIP", "protocol", "range"];
        let found = mistyped_keys(object.as_object().expect("an object"), &known);
        assert_eq!(found, [("proto", "protocol"), ("host_ip", "hostIP")]);
    }

    #[test]
    fn a_layer_that_reads_all_keys_silences_the_others() {
        let known = KnownKeys::default();
        known.note::<Own>();
        known.note::<Value>();
        assert_eq!(mistyped(&known, json!({"chains": "X"})), []);
    }
}
