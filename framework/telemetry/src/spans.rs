//! Spans as the OpenTelemetry collector's file exporter writes them, and W3C trace context.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use cni_wrapper::{About, Call, Environment};
use serde_json::{Value, json};

use crate::event::Event;

/// Kinds and status of OTLP, by number as its JSON form wants them.
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const STATUS_ERROR: u8 = 2;

/// The trace that a call belongs to.
#[derive(Debug, PartialEq)]
pub(crate) struct Context {
    trace: String,
    /// The runtime's span; empty when the trace begins here.
    parent: String,
    flags: String,
    state: String,
}

impl Context {
    /// The runtime's, or a new one when it has none that is well formed.
    pub(crate) fn of(environment: &Environment) -> Self {
        let told = environment.text("TRACEPARENT").and_then(parse);
        let Some((trace, parent, flags)) = told else {
            let trace = new_id() + &new_id();
            return Self { trace, parent: String::new(), flags: "01".into(), state: String::new() };
        };
        let state = environment.text("TRACESTATE").unwrap_or_default().to_owned();
        Self { trace, parent, flags, state }
    }

    /// The environment for a delegate whose run is this span.
    pub(crate) fn hand_on(&self, environment: Environment, span: &str) -> Environment {
        let parent = format!("00-{}-{span}-{}", self.trace, self.flags);
        let environment = environment.with("TRACEPARENT", &parent);
        // State belongs to the trace that it came with.
        match environment.get("TRACESTATE") {
            Some(_) if self.state.is_empty() => environment.with("TRACESTATE", ""),
            _ => environment,
        }
    }
}

/// Trace, parent and flags of a `traceparent`: `00-TRACE-PARENT-FLAGS`; a later version may say more behind a dash.
fn parse(text: &str) -> Option<(String, String, String)> {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
    };
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags, more @ ..] = parts.as_slice() else { return None };
    let is_known = *version == "00" && more.is_empty();
    let is_later = hex(version, 2) && *version != "00" && *version != "ff";
    let well_formed = hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    let is_something = |id: &str| id.bytes().any(|c| c != b'0');
    let sound =
        (is_known || is_later) && well_formed && is_something(trace) && is_something(parent);
    sound.then(|| ((*trace).to_owned(), (*parent).to_owned(), (*flags).to_owned()))
}

/// A new span id. A hasher is keyed from the system's randomness, which is all that an id needs.
pub(crate) fn new_id() -> String {
    // The id of all zeros is none.
    format!("{:016x}", RandomState::new().build_hasher().finish().max(1))
}

/// An `ExportTraceServiceRequest` of this plugin: the call, and below it the runs of delegates.
pub(crate) fn request(
    plugin: About,
    call: &Call,
    context: &Context,
    event: &Event,
    runs: &[Event],
) -> Value {
    let mut spans = vec![span(call, context, event, &context.parent, SERVER)];
    spans.extend(runs.iter().map(|run| span(call, context, run, &event.span, CLIENT)));
    let resource = [
        attribute("service.name", plugin.name),
        attribute("service.version", plugin.version),
        json!({"key": "process.pid", "value": {"intValue": std::process::id().to_string()}}),
    ];
    let scope = json!({"name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION")});
    json!({"resourceSpans": [{
        "resource": {"attributes": resource},
        "scopeSpans": [{"scope": scope, "spans": spans}],
    }]})
}

fn span(call: &Call, context: &Context, event: &Event, parent: &str, kind: u8) -> Value {
    let attachment = &call.attachment;
    let code = Some(event.code()).filter(|code| *code != 0).map(|code| code.to_string());
    let attributes = [
        ("cni.plugin", event.plugin.as_str()),
        ("cni.verb", event.verb.as_str()),
        ("cni.version", event.version.as_str()),
        ("cni.network", &attachment.network),
        ("cni.container_id", &attachment.container_id),
        ("cni.ifname", &attachment.ifname),
        ("cni.error.code", code.as_deref().unwrap_or_default()),
    ];
    let told = attributes.into_iter().filter(|(_, value)| !value.is_empty());
    let mut span = json!({
        "traceId": context.trace,
        "spanId": event.span,
        "parentSpanId": parent,
        "traceState": context.state,
        "name": format!("{} {}", event.plugin, event.verb),
        "kind": kind,
        "startTimeUnixNano": nanos(event.begun),
        "endTimeUnixNano": nanos(event.begun + event.took),
        "attributes": told.map(|(key, value)| attribute(key, value)).collect::<Vec<_>>(),
    });
    if let Err(error) = &event.outcome {
        span["status"] = json!({"code": STATUS_ERROR, "message": error.get("msg")});
    }
    span
}

fn attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// 64-bit numbers are text in protobuf's JSON.
fn nanos(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "b7ad6b7169203331";

    fn context(parent: &str) -> Context {
        Context::of(&Environment::from_iter([("TRACEPARENT", parent), ("TRACESTATE", "a=b")]))
    }

    #[test]
    fn a_trace_is_continued_with_its_flags_and_state() {
        for text in [format!("00-{TRACE}-{PARENT}-00"), format!("cc-{TRACE}-{PARENT}-00-more")] {
            let context = context(&text);
            assert_eq!((context.trace.as_str(), context.parent.as_str()), (TRACE, PARENT));
            let told = context
                .hand_on(Environment::from_iter([("TRACESTATE", "a=b")]), "00000000000000aa");
            assert_eq!(
                told.text("TRACEPARENT").unwrap(),
                format!("00-{TRACE}-00000000000000aa-00")
            );
            assert_eq!(told.text("TRACESTATE"), Some("a=b"));
        }
    }

    #[test]
    fn a_malformed_parent_starts_a_new_trace_without_the_state() {
        let malformed = [
            String::new(),
            "00".into(),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}-{PARENT}-1"),
            format!("0-{TRACE}-{PARENT}-01"),
        ];
        for text in malformed {
            let context = context(&text);
            assert!(context.trace != TRACE && context.trace.len() == 32, "{text}");
            assert_eq!((context.parent.as_str(), context.flags.as_str()), ("", "01"), "{text}");
            let told = context.hand_on(Environment::from_iter([("TRACESTATE", "a=b")]), PARENT);
            assert_eq!(told.text("TRACESTATE"), None, "{text}");
        }
    }

    #[test]
    fn ids_differ() {
        assert_ne!(new_id(), new_id());
        assert_eq!(new_id().len(), 16);
    }
}
