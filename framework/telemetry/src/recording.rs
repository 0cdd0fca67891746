//! A call as a line of the recording.

use cni_wrapper::{Call, Object, Position};
use serde_json::{Value, json};

use crate::event::Event;
use crate::redact::{redact, redact_args};

/// Returns the line for a call and its delegate calls, with the values of `secrets` redacted.
pub(crate) fn line(call: &Call, event: &Event, delegates: &[Event], secrets: &[String]) -> Value {
    let attachment = &call.attachment;
    let position = match call.position() {
        Position::Wrapper => "wrapper",
        Position::Chained => "chained",
    };
    let mut line = json!({
        "time": humantime::format_rfc3339_micros(event.start).to_string(),
        "pid": std::process::id(),
        "verb": event.verb.as_str(),
        "network": attachment.network,
        "containerId": non_empty(&attachment.container_id),
        "ifname": non_empty(&attachment.ifname),
        "netns": call.netns,
        "position": position,
        "cniVersion": event.version.as_str(),
        "environment": environment(call, secrets),
        "config": redacted(&event.config, secrets),
        "delegates": delegates.iter().map(|call| delegate(call, secrets)).collect::<Vec<_>>(),
        "micros": event.micros(),
    });
    add_outcome(&mut line, event, secrets);
    line
}

fn delegate(event: &Event, secrets: &[String]) -> Value {
    let mut value = json!({
        "type": event.plugin,
        "verb": event.verb.as_str(),
        "cniVersion": event.version.as_str(),
        "config": redacted(&event.config, secrets),
        "micros": event.micros(),
    });
    add_outcome(&mut value, event, secrets);
    value
}

/// Adds `result` or `error`; neither for the success of a verb that has no result.
fn add_outcome(value: &mut Value, event: &Event, secrets: &[String]) {
    match &event.outcome {
        Ok(None) => {}
        Ok(Some(result)) => value["result"] = redacted(result, secrets),
        Err(error) => value["error"] = redacted(error, secrets),
    }
}

/// Returns the variables of the protocol. The others may contain anything, including secrets.
fn environment(call: &Call, secrets: &[String]) -> Object {
    let variables = call.environment.variables().iter();
    let variables = variables.map(|(key, value)| (key.to_string_lossy(), value.to_string_lossy()));
    variables
        .filter(|(key, _)| key.starts_with("CNI_"))
        .map(|(key, value)| match &*key {
            "CNI_ARGS" => (key.into_owned(), redact_args(&value, secrets).into()),
            _ => (key.into_owned(), value.into()),
        })
        .collect()
}

fn redacted(object: &Object, secrets: &[String]) -> Value {
    let mut value = Value::Object(object.clone());
    redact(&mut value, secrets);
    value
}

fn non_empty(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
