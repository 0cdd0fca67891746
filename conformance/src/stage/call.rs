//! A call of the plugin that is being put together.

use std::collections::BTreeMap;
use std::time::Duration;

use cni_wrapper::SpecVersion;
use serde_json::{Map, Value};

use super::Stage;
use super::answer::Answer;
use crate::exchange::shorten;
use crate::process::{Sink, Stdin};

/// A call of the plugin. Each change of it is told in its label, so that a finding needs no words of its own.
#[derive(Clone)]
pub struct Call<'s> {
    pub(super) stage: &'s Stage,
    pub(super) label: String,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) config: Map<String, Value>,
    pub(super) stdin: Option<Stdin>,
    pub(super) sinks: [Sink; 2],
    pub(super) limit: Duration,
    pub(super) number: u8,
}

impl<'s> Call<'s> {
    pub(super) fn new(stage: &'s Stage, verb: &str) -> Self {
        let mut environment = BTreeMap::new();
        for (key, value) in [
            ("CNI_COMMAND", verb),
            ("CNI_PATH", &stage.cni_path()),
            ("PATH", super::PATH),
            // As most runtimes, which hand on their own environment.
            ("HOME", "/root"),
            ("LANG", "C.UTF-8"),
        ] {
            environment.insert(key.to_owned(), value.to_owned());
        }
        let (label, config, sinks) = (verb.to_owned(), Map::new(), [Sink::Kept; 2]);
        Self {
            stage,
            label,
            environment,
            config,
            stdin: None,
            sinks,
            limit: stage.limit,
            number: 1,
        }
    }

    /// A variable.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.insert(key.to_owned(), value.to_owned());
        self.noting(&format!("with {key}={value:?}"))
    }

    /// Not this variable.
    pub fn without(mut self, key: &str) -> Self {
        self.environment.remove(key);
        self.noting(&format!("without {key}"))
    }

    /// Only these variables, besides PATH.
    pub fn only(mut self, keys: &[&str]) -> Self {
        self.environment.retain(|key, _| key == "PATH" || keys.contains(&key.as_str()));
        self.noting(&format!("with only {} set", keys.join(", ")))
    }

    /// A key of the configuration.
    pub fn key(mut self, key: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        let note = format!("with {key:?}: {}", shorten(&value.to_string()));
        self.config.insert(key.to_owned(), value);
        self.noting(&note)
    }

    /// Not this key of the configuration.
    pub fn without_key(mut self, key: &str) -> Self {
        self.config.shift_remove(key);
        self.noting(&format!("without {key:?}"))
    }

    /// In this version.
    pub fn version(self, version: SpecVersion) -> Self {
        self.key("cniVersion", version.as_str())
    }

    /// The same without a word about it in the label.
    pub(super) fn quietly_in(mut self, version: SpecVersion) -> Self {
        self.config.insert("cniVersion".to_owned(), version.as_str().into());
        self
    }

    /// Killed (SIGKILL) after this time.
    pub fn killed_after(mut self, time: Duration) -> Self {
        self.limit = time;
        self.noting(&format!("killed after {} ms", time.as_millis()))
    }

    /// It may take five times as long as others, since much else goes on.
    pub fn patiently(mut self) -> Self {
        self.limit *= 5;
        self
    }

    /// These bytes in place of a configuration.
    pub fn input(mut self, text: &str) -> Self {
        self.stdin = Some(Stdin::Bytes(text.into()));
        self.noting(&format!("with the input {:?}", shorten(text)))
    }

    /// An input that can't be read.
    pub fn with_unreadable_input(mut self) -> Self {
        self.stdin = Some(Stdin::Unreadable);
        self.noting("with an input that can't be read")
    }

    /// The configuration in pieces of this size.
    pub fn in_pieces(mut self, size: usize) -> Self {
        self.stdin = Some(Stdin::Pieces(self.bytes(), size));
        self.noting("with the input in pieces")
    }

    /// With its stdout on a full disk.
    pub fn to_full_stdout(mut self) -> Self {
        self.sinks[0] = Sink::Full;
        self.noting("with stdout on a full disk")
    }

    /// With a stderr that can't be written.
    pub fn with_closed_stderr(mut self) -> Self {
        self.sinks[1] = Sink::Unwritable;
        self.noting("with a stderr that can't be written")
    }

    /// Tells a circumstance in the label: `after the interface was removed`.
    pub fn noting(mut self, note: &str) -> Self {
        self.label = format!("{} {note}", self.label);
        self
    }

    /// Calls the plugin.
    pub fn run(self) -> Answer {
        self.stage.exchange(&self)
    }

    pub(super) fn stdin(&self) -> Stdin {
        self.stdin.clone().unwrap_or_else(|| Stdin::Bytes(self.bytes()))
    }

    /// The configuration as it will be read.
    pub fn bytes(&self) -> Vec<u8> {
        numbered(&Value::Object(self.config.clone()), self.number).to_string().into_bytes()
    }
}

/// A configuration with the attachment's number in the places that are meant for it.
fn numbered(value: &Value, number: u8) -> Value {
    const PLACE: &str = "{number}";
    match value {
        Value::String(text) if text == PLACE => number.into(),
        Value::String(text) if text.contains(PLACE) => {
            text.replace(PLACE, &number.to_string()).into()
        }
        Value::Array(values) => values.iter().map(|value| numbered(value, number)).collect(),
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), numbered(value, number))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_attachment_has_its_number_in_the_configuration() {
        let config = json!({ "device": "nic{number}", "vlanId": "{number}", "list": ["{number}"] });
        let seen = numbered(&config, 7);
        assert_eq!(seen, json!({ "device": "nic7", "vlanId": 7, "list": [7] }));
        let plain = json!({ "mtu": 1400, "name": "a" });
        assert_eq!(numbered(&plain, 7), plain);
    }
}
