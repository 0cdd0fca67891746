//! One call on its way through the layers of a wrapper.

use std::{
    ops::Deref,
    rc::Rc,
    time::{Duration, Instant},
};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    Error, Object, Request,
    exec::Limits,
    json::{quoted, shown},
    observer::{Observer, Observers},
};

/// What can stand at the centre of a wrapper (the third position, a wrapper around a wrapper, is a [`Stack`](crate::Stack)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The configuration has a `delegate`: it is executed.
    Wrapper,
    /// The plugin is one of a list: what came before stands in `prevResult`.
    Chained,
}

/// The request, and the delegates' configurations as the layers so far have rewritten them.
///
/// Cheap to clone. Everything of [`Request`] can be read through it.
#[derive(Clone, Debug)]
pub struct Call {
    request: Rc<Request>,
    delegates: Rc<[Object]>,
    settings: Rc<Settings>,
    observers: Observers,
    deadline: Option<Instant>,
}

/// The keys of the configuration that the framework itself reads.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Settings {
    /// Seconds that one run of a delegate may take.
    delegate_timeout: Option<f64>,
    pub(crate) log_level: Option<String>,
    pub(crate) log_file: Option<String>,
    /// Below it results are noted for runtimes that do not keep them.
    result_dir: Option<String>,
}

impl Call {
    /// Takes the delegates out of a request.
    ///
    /// # Errors
    ///
    /// Code 7 when `delegate` is neither a plugin object nor a list of them, or a framework key is wrong.
    pub fn new(request: Request) -> Result<Self, Error> {
        let delegates = request.config.get("delegate").unwrap_or(&Value::Null);
        let delegates = read_delegates("delegate", delegates)?;
        let settings = Settings::read(&request.config)?;
        Ok(Self {
            request: Rc::new(request),
            delegates: delegates.into(),
            settings: Rc::new(settings),
            observers: Observers::default(),
            deadline: None,
        })
    }

    /// The `delegate` key decides, never `prevResult`: a wrapper can itself be chained.
    pub fn position(&self) -> Position {
        if self.delegates.is_empty() { Position::Chained } else { Position::Wrapper }
    }

    /// The delegates' own objects, in ADD's order, as rewritten so far. Empty in the chained position.
    pub fn delegates(&self) -> &[Object] {
        &self.delegates
    }

    /// The same call with each delegate's object changed.
    ///
    /// # Errors
    ///
    /// What `rewrite` gives.
    pub fn rewritten(
        &self,
        mut rewrite: impl FnMut(&mut Object) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut delegates = self.delegates.to_vec();
        delegates.iter_mut().try_for_each(&mut rewrite)?;
        Ok(Self { delegates: delegates.into(), ..self.clone() })
    }

    /// The same call with other delegates: for a wrapper that chooses among several. None leave it in the chained position.
    ///
    /// ```
    /// # let own = serde_json::json!({ "delegate": { "type": "bridge" } });
    /// # let call = cni_test_kit::fake_call(cni_wrapper::Verb::Add, own);
    /// let chosen = serde_json::json!({ "type": "ptp" });
    /// let call = call.with_delegates("networks.quiet", &chosen)?;
    /// assert_eq!(call.delegates()[0]["type"], "ptp");
    /// # Ok::<(), cni_wrapper::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Code 7, as for the key `delegate` itself: it is neither a plugin object nor a list of them. `key` is where it stands.
    pub fn with_delegates(&self, key: &str, delegates: &Value) -> Result<Self, Error> {
        Ok(Self { delegates: read_delegates(key, delegates)?.into(), ..self.clone() })
    }

    /// The same call, with an observer of each delegate that it comes to.
    #[must_use]
    pub fn observed(&self, observer: Rc<dyn Observer>) -> Self {
        Self { observers: self.observers.with(observer), ..self.clone() }
    }

    pub(crate) fn observers(&self) -> &Observers {
        &self.observers
    }

    /// The same call, for which no delegate may run past this moment: whoever does is stopped (code 11). For a plugin around a
    /// plugin that has a deadline for the whole verb. Of two deadlines the earlier holds.
    ///
    /// What undoes a failed ADD is not bound by it, since it begins when the time is over: who sets a deadline keeps time for that.
    ///
    /// ```
    /// # use std::time::{Duration, Instant};
    /// # fn hurry(call: &cni_wrapper::Call) {
    /// let call = call.until(Instant::now() + Duration::from_secs(10));
    /// # }
    /// ```
    #[must_use]
    pub fn until(&self, deadline: Instant) -> Self {
        let earlier = self.deadline.map_or(deadline, |own| own.min(deadline));
        Self { deadline: Some(earlier), ..self.clone() }
    }

    /// The same call for what undoes it, which has only the limits of the configuration.
    pub(crate) fn to_undo(&self) -> Self {
        Self { deadline: None, ..self.clone() }
    }

    /// What a delegate is held to that starts now; `None` when no time is left for one.
    pub(crate) fn limits(&self) -> Option<Limits> {
        let own = self.settings.limits();
        let Some(deadline) = self.deadline else { return Some(own) };
        let left = deadline.saturating_duration_since(Instant::now()).as_millis();
        // In whole milliseconds, since it is shown to people.
        let left = Duration::from_millis(left.try_into().unwrap_or(u64::MAX));
        (!left.is_zero()).then(|| Limits { deadline: own.deadline.min(left), ..own })
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Deref for Call {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.request
    }
}

impl Settings {
    fn read(config: &Object) -> Result<Self, Error> {
        // Only these keys are looked at: a copy of the whole configuration would be read for nothing.
        let own: Object = ["delegateTimeout", "logLevel", "logFile", "resultDir"]
            .into_iter()
            .filter_map(|key| config.get(key).map(|value| (key.to_owned(), value.clone())))
            .collect();
        let settings: Self = crate::typed::read(&own)?;
        match settings.delegate_timeout {
            Some(seconds) if !(seconds > 0.0 && seconds <= 86_400.0) => Err(Error::config(
                "delegateTimeout",
                format!("{seconds} is no time in seconds; it must be over 0 and at most 86400"),
            )),
            _ => Ok(settings),
        }
    }

    pub(crate) fn result_dir(&self) -> &str {
        self.result_dir.as_deref().unwrap_or("/run/cni-wrapper")
    }

    fn limits(&self) -> Limits {
        let default = Limits::default();
        let deadline = self.delegate_timeout.map_or(default.deadline, Duration::from_secs_f64);
        Limits { deadline, ..default }
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
        format!("{} is no plugin configuration; an object with a type is expected", shown(value)),
    )
}

/// A delegate's `type` is the name of a file on CNI_PATH, never a path.
fn checked(object: &Object, key: &str) -> Result<Object, Error> {
    let key = format!("{key}.type");
    match object.get("type") {
        Some(Value::String(name)) if is_file_name(name) => Ok(object.clone()),
        Some(Value::String(name)) => Err(Error::config(
            key,
            format!("{} is no file name; a plugin is named, not located by a path", quoted(name)),
        )),
        Some(other) => Err(Error::config(
            key,
            format!("it is {}; the plugin's name is expected", shown(other)),
        )),
        None => Err(Error::config(key, "it is missing; name the plugin to run")),
    }
}

/// The kernel's limit, NAME_MAX.
const FILE_NAME_BYTES: usize = 255;

pub(crate) fn is_file_name(name: &str) -> bool {
    (1..=FILE_NAME_BYTES).contains(&name.len())
        && name != "."
        && name != ".."
        && !name.contains(['/', '\0'])
}
