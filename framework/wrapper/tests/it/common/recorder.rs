//! A middleware that records its hooks and fails where a test wants it.

use async_std::task::block_on;
use cni_test_kit::{FakePlugin, Journal, fake_call};
use cni_wrapper::{
    AddResult, Attachment, Call, Error, ErrorObject, Layers, Middleware, Object, Reply, Verb,
    dispatch,
};
use serde_json::{Value, json};

type Fault = Box<dyn Fn() -> Result<(), Error> + Send + Sync>;

/// Records `NAME.HOOK` in the journal.
#[derive(Default)]
pub(crate) struct Recorder {
    name: &'static str,
    journal: Journal,
    faults: Vec<(&'static str, Fault)>,
    is_attached: bool,
}

impl Recorder {
    pub(crate) fn new(name: &'static str, journal: &Journal) -> Self {
        Self { name, journal: journal.clone(), faults: Vec::new(), is_attached: false }
    }

    /// Runs `fault` in this hook.
    pub(crate) fn on(
        mut self,
        hook: &'static str,
        fault: impl Fn() -> Result<(), Error> + Send + Sync + 'static,
    ) -> Self {
        self.faults.push((hook, Box::new(fault)));
        self
    }

    /// Makes this hook fail with code 150 and a message with its name.
    pub(crate) fn failing(self, hook: &'static str) -> Self {
        self.on(hook, move || Err(Error::plugin(150, format!("{hook} failed"))))
    }

    /// Makes it have a record of an ADD of every attachment.
    pub(crate) fn attached(self) -> Self {
        Self { is_attached: true, ..self }
    }

    fn step(&self, hook: &str) -> Result<(), Error> {
        self.journal.record(&format!("{}.{hook}", self.name));
        let mut faults = self.faults.iter().filter(|(on, _)| *on == hook);
        faults.try_for_each(|(_, fault)| fault())
    }
}

impl Middleware for Recorder {
    type Config = serde::de::IgnoredAny;

    fn rewrite(&self, _: &Call, _: &Self::Config, delegate: &mut Object) -> Result<(), Error> {
        self.step("rewrite")?;
        let so_far = delegate.get("rewritten").and_then(Value::as_str).unwrap_or_default();
        let rewritten = format!("{so_far}{}", self.name);
        delegate.insert("rewritten".to_owned(), rewritten.into());
        Ok(())
    }
    async fn is_attached(&self, _: &Call, _: &Self::Config) -> Result<bool, Error> {
        Ok(self.is_attached)
    }
    async fn before_add(&self, _: &Call, _: &Self::Config) -> Result<(), Error> {
        self.step("before_add")
    }
    async fn after_add(
        &self,
        _: &Call,
        _: &Self::Config,
        result: &mut AddResult,
    ) -> Result<(), Error> {
        self.step("after_add")?;
        let so_far = result.document().get("by").and_then(Value::as_str).unwrap_or_default();
        let by = format!("{so_far}{}", self.name);
        result.document_mut().insert("by".to_owned(), by.into());
        Ok(())
    }
    async fn before_del(&self, _: &Call, _: &Self::Config) -> Result<(), Error> {
        self.step("before_del")
    }
    async fn after_del(&self, _: &Call, _: &Self::Config) -> Result<(), Error> {
        self.step("after_del")
    }
    async fn check(&self, _: &Call, _: &Self::Config, _: &AddResult) -> Result<(), Error> {
        self.step("check")
    }
    async fn gc(&self, _: &Call, _: &Self::Config, valid: &[Attachment]) -> Result<(), Error> {
        let ids: Vec<_> =
            valid.iter().map(|valid| format!("{}/{}", valid.container_id, valid.ifname)).collect();
        self.journal.record(&format!("valid: {}", ids.join(" ")));
        self.step("gc")
    }
    async fn status(&self, _: &Call, _: &Self::Config) -> Result<(), Error> {
        self.step("status")
    }
}

/// Returns a configuration for every verb: a prevResult, a list of attachments, one delegate.
pub(crate) fn config() -> Value {
    json!({
        "delegate": {"type": "inner"},
        "prevResult": {"cniVersion": "1.1.0", "ips": []},
        "cni.dev/valid-attachments": [{"containerID": "c1", "ifname": "eth0"}],
    })
}

/// Returns the answer to `verb` with [`config`], and all steps except `rewrite`.
pub(crate) fn steps(
    verb: Verb,
    layers: impl Layers,
    journal: &Journal,
    fake: FakePlugin,
) -> (Reply, Vec<String>) {
    let fake = fake.recording_in(journal);
    let reply = reply(&fake_call(verb, config()), layers, &fake);
    let mut steps = journal.take();
    steps.retain(|step| !step.ends_with(".rewrite") && !step.starts_with("valid:"));
    (reply, steps)
}

/// Returns the answer to a call.
pub(crate) fn reply(call: &Call, layers: impl Layers, fake: &FakePlugin) -> Reply {
    block_on(dispatch(&*layers.around(fake.boxed()), call))
}

/// Returns the error object of a failure.
pub(crate) fn error(reply: &Reply) -> ErrorObject {
    match reply {
        Reply::Failed(error, _) => ErrorObject::from(error),
        other => panic!("not a failure: {other:?}"),
    }
}

/// Returns the JSON that a success prints.
pub(crate) fn document(reply: &Reply) -> Value {
    assert_eq!(reply.exit_status(), 0, "{reply:?}");
    serde_json::from_slice(&reply.to_bytes()).expect("JSON")
}
