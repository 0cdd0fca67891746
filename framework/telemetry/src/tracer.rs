//! The plugin around a plugin: it looks on and changes nothing.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

use cni_wrapper::{
    About, AddResult, Call, DelegateCall, Environment, Error, Object, Observer, Plugin,
    SpecVersion, Verb, VerbFuture,
};

use crate::append::append;
use crate::event::{Event, told};
use crate::sinks::Sinks;
use crate::spans::{self, Context};
use crate::{metrics, record};

/// What a plugin's own keys say of where to write.
type Read = fn(&Call) -> Result<Sinks, Error>;

/// Writes down every call that passes.
pub struct Tracer {
    inner: Box<dyn Plugin>,
    about: About,
    sinks: Read,
}

impl Tracer {
    /// Looks on at this plugin, on behalf of the one that `about` names; `sinks` reads of a call where it is written down. An error
    /// of it is the call's, but for DEL and GC: what must go away goes away whatever the configuration says, and is not traced then.
    pub fn around(inner: Box<dyn Plugin>, about: About, sinks: Read) -> Self {
        Self { inner, about, sinks }
    }

    /// `ask` makes the call of the inner plugin, `shown` is what a runtime reads of its success.
    async fn trace<T>(
        &self,
        verb: Verb,
        call: &Call,
        ask: impl for<'b> FnOnce(&'b dyn Plugin, &'b Call) -> VerbFuture<'b, T>,
        shown: impl FnOnce(&T) -> Result<Option<Object>, Error>,
    ) -> Result<T, Error> {
        let Some(sinks) = self.sinks(verb, call)? else { return ask(&*self.inner, call).await };
        let context = sinks.spans.is_some().then(|| Context::of(&call.environment));
        let span = context.as_ref().map(|_| spans::new_id()).unwrap_or_default();
        let watch = Rc::new(Watch { context, runs: RefCell::default() });
        let (begun, clock) = (SystemTime::now(), Instant::now());
        let observed = call.with_observer(watch.clone());
        let outcome = ask(&*self.inner, &observed).await;
        let took = clock.elapsed();
        let seen = outcome.as_ref().map_err(|error| told(error, call.version));
        let seen =
            seen.and_then(|answer| shown(answer).map_err(|error| told(&error, call.version)));
        let plugin = text(&call.config, "type");
        let (version, config_told) = (call.version, call.config.clone());
        let event =
            Event { plugin, verb, version, config: config_told, begun, took, outcome: seen, span };
        self.write(call, &sinks, &event, &watch).await;
        outcome
    }

    /// Trouble with tracing is told, and nothing else comes of it.
    async fn write(&self, call: &Call, sinks: &Sinks, event: &Event, watch: &Watch) {
        let warn = |path: &std::path::Path, written: std::io::Result<()>| {
            if let Err(error) = written {
                log::warn!("this {} is not written to {}: {error}", event.verb, path.display());
            }
        };
        let runs = watch.runs.take();
        if let Some(path) = &sinks.recording {
            warn(path, append(path, &record::line(call, event, &runs, &sinks.redact)).await);
        }
        if let (Some(path), Some(context)) = (&sinks.spans, &watch.context) {
            warn(
                path,
                append(path, &spans::request(self.about, call, context, event, &runs)).await,
            );
        }
        if let Some(path) = &sinks.metrics {
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

/// The runs of delegates during one call.
struct Watch {
    context: Option<Context>,
    runs: RefCell<Vec<Event>>,
}

impl Observer for Watch {
    fn started(&self, run: &DelegateCall<'_>, environment: Environment) -> Environment {
        let span = self.context.as_ref().map(|_| spans::new_id()).unwrap_or_default();
        let environment = match &self.context {
            Some(context) => context.hand_on(environment, &span),
            None => environment,
        };
        self.runs.borrow_mut().push(Event {
            plugin: run.plugin.to_owned(),
            verb: run.verb,
            version: run.version,
            config: run.config.clone(),
            begun: SystemTime::now(),
            took: Duration::ZERO,
            outcome: Ok(None),
            span,
        });
        environment
    }

    /// Delegates run one after the other, so it is the last one that has ended.
    fn finished(
        &self,
        run: &DelegateCall<'_>,
        took: Duration,
        outcome: Result<Option<&AddResult>, &Error>,
    ) {
        if let Some(event) = self.runs.borrow_mut().last_mut() {
            event.took = took;
            event.outcome = match outcome {
                Ok(result) => Ok(result.map(|result| result.document().clone())),
                Err(error) => Err(told(error, run.version)),
            };
        }
    }
}

impl Plugin for Tracer {
    fn add<'a>(&'a self, call: &'a Call) -> VerbFuture<'a, AddResult> {
        let shown = |result: &AddResult| as_told(result, call.version).map(Some);
        Box::pin(self.trace(Verb::Add, call, |inner, call| inner.add(call), shown))
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

/// A result in the version that the runtime asked for, in which it will get it.
fn as_told(result: &AddResult, version: SpecVersion) -> Result<Object, Error> {
    if result.version() == version {
        return Ok(result.document().clone());
    }
    Ok(result.clone().convert(version)?.document().clone())
}

fn text(config: &Object, key: &str) -> String {
    config.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}
