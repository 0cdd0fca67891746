//! Spans as the OpenTelemetry collector's file exporter writes them, and W3C trace context.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{SystemTime, UNIX_EPOCH};

use cni_wrapper::{About, Call, Environment};
use serde_json::{Value, json};

use crate::event::Event;
use crate::redact::Redactor;

/// Span kinds and the status of OTLP, which its JSON encoding writes as numbers.
const SERVER: u8 = 2;
const CLIENT: u8 = 3;
const STATUS_ERROR: u8 = 2;

/// The trace that a call belongs to, as in W3C trace context.
#[derive(Debug, PartialEq)]
pub(crate) struct TraceContext {
    trace_id: String,
    /// The id of the runtime's span; empty if the trace begins here.
    parent_id: String,
    flags: String,
    state: String,
}

impl TraceContext {
    /// Returns the runtime's context, or a new one if it has no well-formed one.
    pub(crate) fn from_environment(environment: &Environment) -> Self {
        let parent = environment.text("TRACEPARENT").and_then(parse);
        let Some((trace_id, parent_id, flags)) = parent else {
            let trace_id = new_id() + &new_id();
            let (parent_id, state) = (String::new(), String::new());
            return Self { trace_id, parent_id, flags: "01".into(), state };
        };
        let state = environment.text("TRACESTATE").unwrap_or_default().to_owned();
        Self { trace_id, parent_id, flags, state }
    }

    /// Sets the variables for a delegate whose call is this span.
    pub(crate) fn propagate(&self, environment: Environment, span_id: &str) -> Environment {
        let parent = format!("00-{}-{span_id}-{}", self.trace_id, self.flags);
        let environment = environment.with("TRACEPARENT", &parent);
        // TRACESTATE belongs to the trace of its TRACEPARENT, not to a new one.
        match environment.get("TRACESTATE") {
            Some(_) if self.state.is_empty() => environment.with("TRACESTATE", ""),
            _ => environment,
        }
    }
}

/// Parses a `traceparent`, `00-TRACE-PARENT-FLAGS`, into trace id, parent id and flags. A later
/// version may have more fields after another dash.
fn parse(text: &str) -> Option<(String, String, String)> {
    let hex = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
    };
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, parent, flags, more @ ..] = parts.as_slice() else { return None };
    let is_known = *version == "00" && more.is_empty();
    let is_later = hex(version, 2) && *version != "00" && *version != "ff";
    let well_formed = hex(trace, 32) && hex(parent, 16) && hex(flags, 2);
    // An id of all zeros is invalid.
    let is_valid = |id: &str| id.bytes().any(|c| c != b'0');
    let well_formed = well_formed && is_valid(trace) && is_valid(parent);
    ((is_known || is_later) && well_formed)
        .then(|| ((*trace).to_owned(), (*parent).to_owned(), (*flags).to_owned()))
}

/// Returns a new span id. The hashers of the standard library are keyed randomly, which suffices.
pub(crate) fn new_id() -> String {
    // An id of all zeros is invalid.
    format!("{:016x}", RandomState::new().build_hasher().finish().max(1))
}

/// Returns an `ExportTraceServiceRequest`: the span of the call, and those of its delegate calls.
pub(crate) fn request(
    plugin: About,
    call: &Call,
    context: &TraceContext,
    event: &Event,
    delegates: &[Event],
    redactor: &Redactor,
) -> Value {
    let span = |event, parent_id, kind| span(call, context, event, parent_id, kind, redactor);
    let mut spans = vec![span(event, &context.parent_id, SERVER)];
    spans.extend(delegates.iter().map(|child| span(child, &event.span_id, CLIENT)));
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

fn span(
    call: &Call,
    context: &TraceContext,
    event: &Event,
    parent_id: &str,
    kind: u8,
    redactor: &Redactor,
) -> Value {
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
    let attributes = attributes.into_iter().filter(|(_, value)| !value.is_empty());
    let mut span = json!({
        "traceId": context.trace_id,
        "spanId": event.span_id,
        "parentSpanId": parent_id,
        "traceState": context.state,
        "name": format!("{} {}", event.plugin, event.verb),
        "kind": kind,
        "startTimeUnixNano": nanos(event.start),
        "endTimeUnixNano": nanos(event.start + event.duration),
        "attributes": attributes.map(|(key, value)| attribute(key, value)).collect::<Vec<_>>(),
    });
    if let Err(error) = &event.outcome {
        let message = error.get("msg").and_then(Value::as_str).map(|msg| redactor.text(msg));
        span["status"] = json!({"code": STATUS_ERROR, "message": message});
    }
    span
}

fn attribute(key: &str, value: &str) -> Value {
    json!({"key": key, "value": {"stringValue": value}})
}

/// Returns nanoseconds since 1970 as a string, which is how protobuf's JSON writes 64-bit numbers.
fn nanos(time: SystemTime) -> String {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const PARENT: &str = "b7ad6b7169203331";

    fn context(parent: &str) -> TraceContext {
        TraceContext::from_environment(&Environment::from_iter([
            ("TRACEPARENT", parent),
            ("TRACESTATE", "a=b"),
        ]))
    }

    #[test]
    fn a_trace_is_continued_with_its_flags_and_state() {
        for text in [format!("00-{TRACE}-{PARENT}-00"), format!("cc-{TRACE}-{PARENT}-00-more")] {
            let context = context(&text);
            assert_eq!((context.trace_id.as_str(), context.parent_id.as_str()), (TRACE, PARENT));
            let environment = Environment::from_iter([("TRACESTATE", "a=b")]);
            let environment = context.propagate(environment, "00000000000000aa");
            assert_eq!(
                environment.text("TRACEPARENT").unwrap(),
                format!("00-{TRACE}-00000000000000aa-00")
            );
            assert_eq!(environment.text("TRACESTATE"), Some("a=b"));
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
            assert!(context.trace_id != TRACE && context.trace_id.len() == 32, "{text}");
            assert_eq!((context.parent_id.as_str(), context.flags.as_str()), ("", "01"), "{text}");
            let environment = Environment::from_iter([("TRACESTATE", "a=b")]);
            let environment = context.propagate(environment, PARENT);
            assert_eq!(environment.text("TRACESTATE"), None, "{text}");
        }
    }

    #[test]
    fn ids_differ() {
        assert_ne!(new_id(), new_id());
        assert_eq!(new_id().len(), 16);
    }
}
