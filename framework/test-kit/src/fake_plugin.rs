//! A fake delegate in the test's own process, for tests of hooks. No program is executed.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cni_wrapper::{
    AddResult, Call, Environment, Error, Plugin, Request, SpecVersion, Verb, VerbFuture,
};
use serde_json::{Value, json};

/// A record of events in order. Clones share their content, so that hooks and a [`FakePlugin`] can
/// write to one journal.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    /// Appends an event.
    pub fn record(&self, event: &str) {
        self.events().push(event.to_owned());
    }

    /// Returns all events so far and empties the journal.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.events())
    }

    fn events(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a fake does on a verb, given the number of earlier calls of that verb.
type Action = Box<dyn Fn(usize) -> Result<(), Error>>;

/// A plugin that succeeds, unless [`FakePlugin::on`] makes it fail, and records its calls.
///
/// Clones are the same plugin: put one into a stack and query the other.
///
/// ```
/// use cni_wrapper::{Error, Layers, Plugin, Verb};
/// use cni_test_kit::{FakePlugin, fake_call};
/// use serde_json::json;
///
/// struct Mine;
/// impl cni_wrapper::Middleware for Mine {
///     type Config = serde::de::IgnoredAny;
/// }
///
/// let fake = FakePlugin::new().on(Verb::Add, |_| Err(Error::plugin(120, "no")));
/// let call = fake_call(Verb::Add, json!({"delegate": {"type": "bridge"}}));
/// let plugin = Mine.around(fake.boxed());
/// let reply = async_std::task::block_on(cni_wrapper::dispatch(&*plugin, &call));
/// assert_eq!(reply.exit_status(), 1);
/// assert_eq!(fake.verbs(), [Verb::Add]);
/// ```
#[derive(Clone, Default)]
pub struct FakePlugin(Rc<Fake>);

#[derive(Default)]
struct Fake {
    result: Option<Value>,
    actions: Vec<(Verb, Action)>,
    calls: RefCell<Vec<Call>>,
    verbs: RefCell<Vec<Verb>>,
    journal: Option<Journal>,
}

impl FakePlugin {
    /// Returns a plugin that succeeds on every verb. ADD returns the call's `prevResult`, or a
    /// result with the address `10.0.0.2/24`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the result of ADD, in the requested version unless it has its own `cniVersion`.
    pub fn result(self, result: Value) -> Self {
        self.with(|fake| fake.result = Some(result))
    }

    /// Adds an action on `verb`, such as an error or a panic. Its argument is the number of earlier
    /// calls of this verb.
    pub fn on(self, verb: Verb, action: impl Fn(usize) -> Result<(), Error> + 'static) -> Self {
        self.with(|fake| fake.actions.push((verb, Box::new(action))))
    }

    /// Records each verb in `journal`, as `inner ADD`.
    pub fn recording_in(self, journal: &Journal) -> Self {
        self.with(|fake| fake.journal = Some(journal.clone()))
    }

    /// Returns a clone for the centre of a stack.
    pub fn boxed(&self) -> Box<dyn Plugin> {
        Box::new(self.clone())
    }

    /// Returns the calls received, with the delegates' configurations as the outer layers rewrote
    /// them.
    ///
    /// Their `verb` is the runtime's; [`FakePlugin::verbs`] has the verbs with which this plugin
    /// was called.
    pub fn calls(&self) -> Vec<Call> {
        self.0.calls.borrow().clone()
    }

    /// Returns the verbs received.
    pub fn verbs(&self) -> Vec<Verb> {
        self.0.verbs.borrow().clone()
    }

    fn with(mut self, change: impl FnOnce(&mut Fake)) -> Self {
        match Rc::get_mut(&mut self.0) {
            Some(fake) => change(fake),
            None => panic!("configure a FakePlugin before it is cloned or boxed"),
        }
        self
    }

    fn act(&self, verb: Verb, call: &Call) -> Result<(), Error> {
        let fake = &self.0;
        if let Some(journal) = &fake.journal {
            journal.record(&format!("inner {verb}"));
        }
        let before = fake.verbs.borrow().iter().filter(|earlier| **earlier == verb).count();
        fake.verbs.borrow_mut().push(verb);
        fake.calls.borrow_mut().push(call.clone());
        let mut actions = fake.actions.iter().filter(|(on, _)| *on == verb);
        actions.try_for_each(|(_, action)| action(before))
    }

    fn added(&self, call: &Call) -> Result<AddResult, Error> {
        if let Some(result) = &self.0.result {
            return Ok(AddResult::from_value(result.clone(), call.version)?);
        }
        if let Some(previous) = call.prev_result()? {
            return Ok(previous);
        }
        let result = json!({"cniVersion": "1.1.0", "ips": [{"address": "10.0.0.2/24"}]});
        Ok(AddResult::from_value(result, SpecVersion::NEWEST)?.convert(call.version)?)
    }
}

impl Plugin for FakePlugin {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        Box::pin(async move {
            call.refuse_unknown_keys()?;
            self.act(Verb::Add, call)?;
            self.added(call)
        })
    }
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(async move { self.act(Verb::Del, call) })
    }
    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(async move { self.act(Verb::Check, call) })
    }
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(async move { self.act(Verb::Gc, call) })
    }
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(async move { self.act(Verb::Status, call) })
    }
}

/// Returns a call for a plugin in this process: container `c1`, interface `eth0`, namespace
/// `/run/netns/c1`.
///
/// `name` (`net`) and `cniVersion` (1.1.0) are added to the configuration if they are missing.
///
/// # Panics
/// If a wrapper would refuse the call.
#[track_caller]
pub fn fake_call(verb: Verb, config: Value) -> Call {
    let Value::Object(mut config) = config else {
        panic!("a configuration must be an object, not {config}")
    };
    config.entry("name").or_insert_with(|| "net".into());
    config.entry("cniVersion").or_insert_with(|| SpecVersion::NEWEST.as_str().into());
    let environment: Environment = [
        ("CNI_COMMAND", verb.as_str()),
        ("CNI_CONTAINERID", "c1"),
        ("CNI_NETNS", "/run/netns/c1"),
        ("CNI_IFNAME", "eth0"),
        ("CNI_PATH", "/opt/cni/bin"),
    ]
    .into_iter()
    .collect();
    let text = Value::Object(config).to_string();
    Request::read(verb, environment, text.as_bytes())
        .map_err(|refusal| refusal.error.into())
        .and_then(Call::new)
        .unwrap_or_else(|error| panic!("this call would be refused: {error}"))
}
