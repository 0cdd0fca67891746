//! A call as a line of the recording.

use cni_wrapper::{Call, Object, Position};
use serde_json::{Value, json};

use crate::event::Event;
use crate::redact::Redactor;

/// The format of a line. It changes when a reader of the previous format would be wrong about a
/// line, not when keys are added.
const FORMAT: u32 = 1;

/// Returns the line for a call and its delegate calls, without secrets.
pub(crate) fn line(call: &Call, event: &Event, delegates: &[Event], redactor: &Redactor) -> Value {
    let attachment = &call.attachment;
    let position = match call.position() {
        Position::Wrapper => "wrapper",
        Position::Chained => "chained",
    };
    let mut line = json!({
        "format": FORMAT,
        "time": time(event),
        "pid": std::process::id(),
        "verb": event.verb.as_str(),
        "network": attachment.network,
        "containerId": non_empty(&attachment.container_id),
        "ifname": non_empty(&attachment.ifname),
        "netns": call.netns,
        "position": position,
        "cniVersion": event.version.as_str(),
        "environment": environment(call, redactor),
        "config": redactor.document(&event.config),
        "delegates": delegates.iter().map(|call| delegate(call, redactor)).collect::<Vec<_>>(),
        "micros": event.micros(),
    });
    add_outcome(&mut line, event, redactor);
    line
}

fn delegate(event: &Event, redactor: &Redactor) -> Value {
    let mut value = json!({
        "time": time(event),
        "type": event.plugin,
        "verb": event.verb.as_str(),
        "cniVersion": event.version.as_str(),
        "config": redactor.document(&event.config),
        "micros": event.micros(),
    });
    add_outcome(&mut value, event, redactor);
    if !event.stderr.is_empty() {
        value["stderr"] = redactor.text(&event.stderr).into();
    }
    value
}

/// Adds `result` or `error`; neither for the success of a verb that has no result.
fn add_outcome(value: &mut Value, event: &Event, redactor: &Redactor) {
    match &event.outcome {
        Ok(None) => {}
        Ok(Some(result)) => value["result"] = redactor.document(result),
        Err(error) => value["error"] = redactor.document(error),
    }
}

/// Returns the variables of the protocol. The others may contain anything, including secrets.
fn environment(call: &Call, redactor: &Redactor) -> Object {
    let variables = call.environment.variables().iter();
    let variables = variables.map(|(key, value)| (key.to_string_lossy(), value.to_string_lossy()));
    variables
        .filter(|(key, _)| key.starts_with("CNI_"))
        .map(|(key, value)| (key.to_string(), redactor.variable(&key, &value).into()))
        .collect()
}

fn time(event: &Event) -> String {
    humantime::format_rfc3339_micros(event.start).to_string()
}

fn non_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
