//! A call as a line of the recording.

use cni_wrapper::{Call, Object, Position};
use serde_json::{Value, json};

use crate::event::Event;
use crate::redact::{redact, redact_args};

/// The whole line, with what is secret hidden.
pub(crate) fn line(call: &Call, event: &Event, runs: &[Event], secrets: &[String]) -> Value {
    let attachment = &call.attachment;
    let position = match call.position() {
        Position::Wrapper => "wrapper",
        Position::Chained => "chained",
    };
    let mut line = json!({
        "time": humantime::format_rfc3339_micros(event.begun).to_string(),
        "pid": std::process::id(),
        "verb": event.verb.as_str(),
        "network": attachment.network,
        "containerId": present(&attachment.container_id),
        "ifname": present(&attachment.ifname),
        "netns": call.netns,
        "position": position,
        "cniVersion": event.version.as_str(),
        "environment": environment(call, secrets),
        "config": hidden(&event.config, secrets),
        "delegates": runs.iter().map(|run| self::run(run, secrets)).collect::<Vec<_>>(),
        "micros": event.micros(),
    });
    outcome(&mut line, event, secrets);
    line
}

fn run(run: &Event, secrets: &[String]) -> Value {
    let mut value = json!({
        "type": run.plugin,
        "verb": run.verb.as_str(),
        "cniVersion": run.version.as_str(),
        "config": hidden(&run.config, secrets),
        "micros": run.micros(),
    });
    outcome(&mut value, run, secrets);
    value
}

/// `result` or `error`; neither for a success that has no result.
fn outcome(value: &mut Value, event: &Event, secrets: &[String]) {
    match &event.outcome {
        Ok(None) => {}
        Ok(Some(result)) => value["result"] = hidden(result, secrets),
        Err(error) => value["error"] = hidden(error, secrets),
    }
}

/// The variables of the protocol. The others may hold anything, and nobody said that it may be written down.
fn environment(call: &Call, secrets: &[String]) -> Object {
    let variables = call.environment.variables().iter();
    let told = variables.map(|(key, value)| (key.to_string_lossy(), value.to_string_lossy()));
    told.filter(|(key, _)| key.starts_with("CNI_"))
        .map(|(key, value)| match &*key {
            "CNI_ARGS" => (key.into_owned(), redact_args(&value, secrets).into()),
            _ => (key.into_owned(), value.into()),
        })
        .collect()
}

fn hidden(object: &Object, secrets: &[String]) -> Value {
    let mut value = Value::Object(object.clone());
    redact(&mut value, secrets);
    value
}

fn present(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
