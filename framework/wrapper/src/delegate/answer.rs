//! What a delegate's end means: status, stdout and stderr → a result, success, or a failure.

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
        // Nothing has to be printed; but an error is an error, whatever the exit status.
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
        None => DelegateFailure::Crashed { how: how(output), said: said(&output.stdout) },
    }
}

/// Exit status 0 with an error object: both `code` and `msg`, since a result could carry either as a key of its own.
fn error_in(document: &Object) -> Option<DelegateFailure> {
    let is_error = matches!(document.get("code"), Some(Value::Number(code)) if code.as_u64() != Some(0))
        && matches!(document.get("msg"), Some(Value::String(_)));
    is_error.then(|| ErrorObject::read(document).map(Box::new).map(DelegateFailure::Answered))?
}

fn object(stdout: &[u8]) -> Option<Object> {
    json::read(stdout).ok()
}

fn how(output: &Output) -> String {
    match (output.status.code(), output.status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "an unknown status".to_owned(),
    }
}

/// How much of an unreadable stdout is shown, in bytes.
const SHOWN: usize = 200;

fn said(stdout: &[u8]) -> String {
    let text = String::from_utf8_lossy(&stdout[..stdout.len().min(SHOWN)]).trim().to_owned();
    if text.is_empty() { String::new() } else { format!("; it printed {text:?}") }
}
