//! The toolkit's own keys of the network configuration: all below `wrapper`.

use std::time::Duration;

use cni_protocol::{Object, Request, Verb, config, json::shown};
use serde::Deserialize;

use crate::{error::Error, kit::renamed_keys::refuse_renamed_keys};

/// The one key at the top level, so that all other names are free for authors.
const KEY: &str = "wrapper";

/// The default directory of results and of the marks of running calls.
pub(crate) const RESULT_DIR: &str = "/run/cni-wrapper";

/// Keys that were at the top level until they moved below [`KEY`].
///
/// They can't be distinguished from an author's keys of the same names, so these names stay
/// reserved: to ignore an old key without a word would mean another deadline, or no log.
const MOVED: [(&str, &str); 4] = [
    ("delegateTimeout", "wrapper.delegateTimeout"),
    ("logLevel", "wrapper.logLevel"),
    ("logFile", "wrapper.logFile"),
    ("resultDir", "wrapper.resultDir"),
];

/// The toolkit's settings.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// Seconds that one execution of a delegate may take.
    delegate_timeout: Option<f64>,
    /// Seconds that one hook may take.
    hook_timeout: Option<f64>,
    pub(crate) log_level: Option<String>,
    pub(crate) log_file: Option<String>,
    /// The directory where results are kept for runtimes that do not keep them.
    result_dir: Option<String>,
    /// On DEL and GC: why the settings of the configuration are not used.
    #[serde(skip)]
    ignored: Option<String>,
}

#[derive(Deserialize)]
struct Keys {
    wrapper: Settings,
}

impl Settings {
    pub(crate) fn read(request: &Request) -> Result<Self, Error> {
        if matches!(request.verb, Verb::Del | Verb::Gc) {
            // No ADD succeeds with wrong settings, but a runtime calls DEL after it, and GC.
            let settings = Self::read_current(request).unwrap_or_else(|error| Self {
                ignored: Some(error.to_string()),
                ..Self::default()
            });
            return Ok(settings.or_moved(&request.config));
        }
        refuse_renamed_keys(&request.config, &MOVED)?;
        Self::read_current(request)
    }

    fn read_current(request: &Request) -> Result<Self, Error> {
        let Some(value) = request.config.get(KEY) else { return Ok(Self::default()) };
        // serde would take a list for the values of the keys in their order.
        if !value.is_object() {
            let why = format!("it is {}; an object is expected", shown(value));
            return Err(Error::config(KEY, why));
        }
        // Only this key is read: a copy of the whole configuration would be parsed for nothing.
        let keys = Object::from_iter([(KEY.to_owned(), value.clone())]);
        let Keys { wrapper: settings } = config::typed(&keys)?;
        check_seconds("wrapper.delegateTimeout", settings.delegate_timeout)?;
        check_seconds("wrapper.hookTimeout", settings.hook_timeout)?;
        Ok(settings)
    }

    /// On DEL and GC, moved keys are not refused: a container that was created with the old
    /// configuration must be removable. Its last result is in the directory that the old key names.
    fn or_moved(mut self, config: &Object) -> Self {
        let moved = config.get("resultDir").and_then(|value| value.as_str());
        self.result_dir = self.result_dir.or(moved.map(str::to_owned));
        self
    }

    pub(crate) fn ignored(&self) -> Option<&str> {
        self.ignored.as_deref()
    }

    pub(crate) fn result_dir(&self) -> &str {
        self.result_dir.as_deref().unwrap_or(RESULT_DIR)
    }

    pub(crate) fn hook_timeout(&self) -> Option<Duration> {
        self.hook_timeout.map(Duration::from_secs_f64)
    }

    pub(crate) fn delegate_timeout(&self) -> Option<Duration> {
        self.delegate_timeout.map(Duration::from_secs_f64)
    }
}

fn check_seconds(key: &str, seconds: Option<f64>) -> Result<(), Error> {
    match seconds {
        Some(seconds) if !(seconds > 0.0 && seconds <= 86_400.0) => Err(Error::config(
            key,
            format!("{seconds} is not a time in seconds; it must be over 0 and at most 86400"),
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{MOVED, Settings};
    use crate::kit::known_keys::{Fields, fields};

    #[test]
    fn the_schema_has_every_key_and_every_old_name() {
        let schema: Value = serde_json::from_str(include_str!("../wrapper.schema.json")).unwrap();
        let keys = |key: &str| schema[key].as_object().unwrap().clone();
        let Fields::Named(own) = fields::<Settings>() else { panic!("a struct") };
        assert!(own.iter().eq(keys("properties").keys()), "{own:?}");
        let renamed = keys("x-renamed");
        assert_eq!(renamed.len(), MOVED.len());
        assert!(MOVED.iter().all(|(old, new)| renamed[*old] == *new), "{renamed:?}");
    }
}
