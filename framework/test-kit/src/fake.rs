//! A plugin in the test's own process, for tests of hooks: nothing is executed.

use std::cell::RefCell;
use std::rc::Rc;

use cni_wrapper::{
    AddResult, Call, Environment, Error, Plugin, Request, SpecVersion, Verb, VerbFuture,
};
use serde_json::{Value, json};

/// What happened, in order. Clones write to the same one, so that hooks and a [`FakePlugin`] can share it.
#[derive(Debug, Clone, Default)]
pub struct Journal(Rc<RefCell<Vec<String>>>);

impl Journal {
    /// Notes a step.
    pub fn note(&self, step: &str) {
        self.0.borrow_mut().push(step.to_owned());
    }

    /// Every step so far; the journal is empty afterwards.
    pub fn take(&self) -> Vec<String> {
        self.0.take()
    }
}

/// What a fake does on a verb; it is told how many calls of this verb came before.
type Deed = Box<dyn Fn(usize) -> Result<(), Error>>;

/// A plugin that obeys, unless [`FakePlugin::on`] says otherwise, and remembers its calls.
///
/// Clones are the same plugin: put one into a stack and ask the other.
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
/// let reply = async_std::task::block_on(cni_wrapper::dispatch(&*Mine.around(fake.boxed()), &call));
/// assert_eq!(reply.exit_status(), 1);
/// assert_eq!(fake.verbs(), [Verb::Add]);
/// ```
#[derive(Clone, Default)]
pub struct FakePlugin(Rc<Fake>);

#[derive(Default)]
struct Fake {
    result: Option<Value>,
    deeds: Vec<(Verb, Deed)>,
    calls: RefCell<Vec<Call>>,
    verbs: RefCell<Vec<Verb>>,
    journal: Option<Journal>,
}

impl FakePlugin {
    /// Obeys whatever the verb: ADD gives the call's `prevResult`, or a result with the address `10.0.0.2/24`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives this result on ADD, in the version asked for unless it names its own.
    pub fn result(self, result: Value) -> Self {
        self.with(|fake| fake.result = Some(result))
    }

    /// Does this on `verb`: an error, a panic. It is told how many calls of this verb came before.
    pub fn on(self, verb: Verb, deed: impl Fn(usize) -> Result<(), Error> + 'static) -> Self {
        self.with(|fake| fake.deeds.push((verb, Box::new(deed))))
    }

    /// Notes each verb here, as `inner ADD`.
    pub fn noting_in(self, journal: &Journal) -> Self {
        self.with(|fake| fake.journal = Some(journal.clone()))
    }

    /// For the centre of a stack.
    pub fn boxed(&self) -> Box<dyn Plugin> {
        Box::new(self.clone())
    }

    /// The calls that arrived, each with the delegates' objects as the layers around rewrote them.
    /// Its `verb` is that of the runtime; which one arrived here stands in [`FakePlugin::verbs`].
    pub fn calls(&self) -> Vec<Call> {
        self.0.calls.borrow().clone()
    }

    /// The verbs that arrived.
    pub fn verbs(&self) -> Vec<Verb> {
        self.0.verbs.borrow().clone()
    }

    fn with(mut self, change: impl FnOnce(&mut Fake)) -> Self {
        match Rc::get_mut(&mut self.0) {
            Some(fake) => change(fake),
            None => panic!("tell a FakePlugin what to do before it is cloned or boxed"),
        }
        self
    }

    fn act(&self, verb: Verb, call: &Call) -> Result<(), Error> {
        let fake = &self.0;
        if let Some(journal) = &fake.journal {
            journal.note(&format!("inner {verb}"));
        }
        let before = fake.verbs.borrow().iter().filter(|earlier| **earlier == verb).count();
        fake.verbs.borrow_mut().push(verb);
        fake.calls.borrow_mut().push(call.clone());
        let mut deeds = fake.deeds.iter().filter(|(on, _)| *on == verb);
        deeds.try_for_each(|(_, deed)| deed(before))
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

/// A call for a plugin in this process: container `c1`, interface `eth0`, namespace `/run/netns/c1`.
/// The configuration gets `name` (`net`) and `cniVersion` (1.1.0) when it has none.
///
/// # Panics
/// When a wrapper would refuse it.
#[track_caller]
pub fn fake_call(verb: Verb, config: Value) -> Call {
    let Value::Object(mut config) = config else {
        panic!("a configuration is an object, not {config}")
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
        .map_err(|rejection| rejection.error.into())
        .and_then(Call::new)
        .unwrap_or_else(|error| panic!("this call would be refused: {error}"))
}
