//! From a delegate's exit status and output to a result, success, or a failure.

use std::os::unix::process::ExitStatusExt;

use cni_protocol::{AddResult, ErrorObject, Object, SpecVersion, Verb, json};
use serde_json::Value;

use crate::error::DelegateFailure;

use super::exec::Output;

/// Reads the answer to `verb`; `version` is that of the delegate's configuration.
pub(super) fn read(
    output: &Output,
    verb: Verb,
    version: SpecVersion,
) -> Result<Option<AddResult>, DelegateFailure> {
    if !output.status.success() {
        return Err(error_of(output));
    }
    if verb != Verb::Add {
        // Nothing needs to be printed, but an error object is a failure with any exit status.
        return object(&output.stdout)
            .and_then(|document| error_in(&document))
            .map_or(Ok(None), Err);
    }
    if let Some(failure) = object(&output.stdout).and_then(|document| error_in(&document)) {
        return Err(failure);
    }
    AddResult::parse(&output.stdout, version).map(Some).map_err(DelegateFailure::BadResult)
}

fn error_of(output: &Output) -> DelegateFailure {
    match object(&output.stdout).and_then(|document| ErrorObject::read(&document)) {
        Some(error) => DelegateFailure::Answered(Box::new(error)),
        None => DelegateFailure::Crashed { how: how(output), printed: printed(&output.stdout) },
    }
}

/// Reads an error object that was printed with exit status 0. It needs both `code` and `msg`,
/// because a result may have one of them as an unknown key.
fn error_in(document: &Object) -> Option<DelegateFailure> {
    let has_code = document.get("code").is_some_and(|code| code.is_number() && *code != 0);
    let has_msg = document.get("msg").is_some_and(Value::is_string);
    (has_code && has_msg)
        .then(|| ErrorObject::read(document).map(Box::new).map(DelegateFailure::Answered))?
}

fn object(stdout: &[u8]) -> Option<Object> {
    // Nothing, as after most verbs, is recognised without a parser's error and its position.
    if stdout.trim_ascii().is_empty() {
        return None;
    }
    json::read(stdout).ok()
}

fn how(output: &Output) -> String {
    match (output.status.code(), output.status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

/// The most of an unreadable stdout that is part of a message, in bytes.
const SHOWN: usize = 200;

fn printed(stdout: &[u8]) -> String {
    let text = String::from_utf8_lossy(&stdout[..stdout.len().min(SHOWN)]).trim().to_owned();
    if text.is_empty() { String::new() } else { format!("; it printed {text:?}") }
}
