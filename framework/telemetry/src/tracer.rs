//! The plugin around a plugin, which observes calls and changes nothing.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use cni_wrapper::{
    About, AddResult, Call, DelegateCall, Environment, Error, Object, Observer, Plugin,
    SpecVersion, Verb, VerbFuture,
};

use crate::append::append;
use crate::event::{Event, error_document};
use crate::metrics;
use crate::recording;
use crate::redact::Redactor;
use crate::sinks::Sinks;
use crate::spans::{self, TraceContext};

/// Reads the sinks from the configuration of a call.
type ReadSinks = fn(&Call) -> Result<Sinks, Error>;

/// The most of a delegate's stderr that is recorded, in bytes.
const STDERR: usize = 16 << 10;

/// A plugin around a plugin that writes every call of it to [`Sinks`].
pub struct Tracer {
    inner: Box<dyn Plugin>,
    about: About,
    sinks: ReadSinks,
}

impl Tracer {
    /// Traces the calls of `inner` as the plugin that `about` names.
    ///
    /// `sinks` reads from a call where it is written. If it fails, the call fails with its error,
    /// except for DEL and GC: cleaning up must work with any configuration, so these are passed on
    /// without being traced.
    pub fn new(inner: Box<dyn Plugin>, about: About, sinks: ReadSinks) -> Self {
        Self { inner, about, sinks }
    }

    /// Calls the inner plugin by `run`, and writes the call to the sinks. `document` returns the
    /// document, if any, that the runtime reads on success.
    async fn trace<T>(
        &self,
        verb: Verb,
        call: &Call,
        run: impl for<'b> FnOnce(&'b dyn Plugin, &'b Call) -> VerbFuture<'b, T>,
        document: impl FnOnce(&T) -> Result<Option<Object>, Error>,
    ) -> Result<T, Error> {
        let Some(sinks) = self.sinks(verb, call)? else { return run(&*self.inner, call).await };
        let context = sinks.spans().map(|_| TraceContext::from_environment(&call.environment));
        let span_id = context.as_ref().map(|_| spans::new_id()).unwrap_or_default();
        let delegates = Arc::new(DelegateEvents { context, events: Mutex::default() });
        let (start, clock) = (SystemTime::now(), Instant::now());
        let outcome = run(&*self.inner, &call.with_observer(delegates.clone())).await;
        let duration = clock.elapsed();
        let event = Event {
            plugin: text(&call.config, "type"),
            verb,
            version: call.version,
            config: call.config.clone(),
            start,
            duration,
            outcome: documents(&outcome, document, call.version),
            stderr: String::new(),
            span_id,
        };
        self.write(call, &sinks, &event, &delegates).await;
        outcome
    }

    /// Writes the events of a call to all sinks. A failed write is logged and changes nothing else.
    async fn write(&self, call: &Call, sinks: &Sinks, event: &Event, delegates: &DelegateEvents) {
        let warn = |path: &Path, written: io::Result<()>| {
            if let Err(error) = written {
                let verb = event.verb;
                log::warn!("this {verb} could not be written to {}: {error}", path.display());
            }
        };
        let events = std::mem::take(&mut *delegates.events());
        let redactor = Redactor::new(sinks.redact());
        if let Some(path) = sinks.recording() {
            let line = recording::line(call, event, &events, &redactor);
            warn(path, append(path, &line).await);
        }
        if let (Some(path), Some(context)) = (sinks.spans(), &delegates.context) {
            let request = spans::request(self.about, call, context, event, &events, &redactor);
            warn(path, append(path, &request).await);
        }
        if let Some(path) = sinks.metrics() {
            warn(path, metrics::count(path, &call.attachment.network, event).await);
        }
    }

    fn sinks(&self, verb: Verb, call: &Call) -> Result<Option<Sinks>, Error> {
        match (self.sinks)(call) {
            Ok(sinks) => Ok(Some(sinks)),
            Err(error) if matches!(verb, Verb::Del | Verb::Gc) => {
                log::warn!("this {verb} is not traced: {error}");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Returns an outcome as the runtime reads it.
fn documents<T>(
    outcome: &Result<T, Error>,
    document: impl FnOnce(&T) -> Result<Option<Object>, Error>,
    version: SpecVersion,
) -> Result<Option<Object>, Object> {
    let as_document = |error: &Error| error_document(error, version);
    let answer = outcome.as_ref().map_err(as_document)?;
    document(answer).map_err(|error| as_document(&error))
}

/// Collects the delegate calls during one call.
struct DelegateEvents {
    context: Option<TraceContext>,
    events: Mutex<Vec<Event>>,
}

impl DelegateEvents {
    fn events(&self) -> MutexGuard<'_, Vec<Event>> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for DelegateEvents {
    fn started(&self, call: &DelegateCall<'_>, environment: Environment) -> Environment {
        let span_id = self.context.as_ref().map(|_| spans::new_id()).unwrap_or_default();
        let environment = match &self.context {
            Some(context) => context.propagate(environment, &span_id),
            None => environment,
        };
        self.events().push(Event {
            plugin: call.plugin.to_owned(),
            verb: call.verb,
            version: call.version,
            config: call.config.clone(),
            start: SystemTime::now(),
            duration: Duration::ZERO,
            outcome: Ok(None),
            stderr: String::new(),
            span_id,
        });
        environment
    }

    fn stderr(&self, _: &DelegateCall<'_>, text: &[u8]) {
        if let Some(event) = self.events().last_mut() {
            let end = &text[text.len().saturating_sub(STDERR)..];
            event.stderr = String::from_utf8_lossy(end).into_owned();
        }
    }

    /// Completes the last event, since delegates run one after the other.
    fn finished(
        &self,
        call: &DelegateCall<'_>,
        took: Duration,
        outcome: Result<Option<&AddResult>, &Error>,
    ) {
        if let Some(event) = self.events().last_mut() {
            event.duration = took;
            event.outcome = match outcome {
                Ok(result) => Ok(result.map(|result| result.document().clone())),
                Err(error) => Err(error_document(error, call.version)),
            };
        }
    }
}

impl Plugin for Tracer {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        let document = |result: &AddResult| converted(result, call.version).map(Some);
        Box::pin(self.trace(Verb::Add, call, |inner, call| inner.add(call), document))
    }
    fn del<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.trace(Verb::Del, call, |inner, call| inner.del(call), |()| Ok(None)))
    }
    fn check<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.trace(Verb::Check, call, |inner, call| inner.check(call), |()| Ok(None)))
    }
    fn gc<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.trace(Verb::Gc, call, |inner, call| inner.gc(call), |()| Ok(None)))
    }
    fn status<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, ()> {
        Box::pin(self.trace(Verb::Status, call, |inner, call| inner.status(call), |()| Ok(None)))
    }
}

/// Returns a result in the version that the runtime asked for, which is what it will read.
fn converted(result: &AddResult, version: SpecVersion) -> Result<Object, Error> {
    if result.version() == version {
        return Ok(result.document().clone());
    }
    Ok(result.clone().convert(version)?.document().clone())
}

fn text(config: &Object, key: &str) -> String {
    config.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}
