//! One run of a delegate.

use std::{
    io::{Write, stderr},
    path::PathBuf,
    time::Instant,
};

use serde_json::Value;

use crate::{
    AddResult, Call, Error, Object, Verb,
    error::{DelegateError, DelegateFailure, Invocation},
    exec::{self, ExecError, Execution},
};

use super::{answer, find::find, tell};

/// How much of a delegate's stderr is repeated in an error, in bytes.
const TAIL: usize = 2000;

/// Runs the delegate to its end; the result of an ADD, `None` for every other verb.
///
/// # Errors
///
/// The delegate's own error with its code, or what it did in place of a proper answer.
pub(super) async fn invoke(
    call: &Call,
    delegate: &Object,
    verb: Verb,
    told: &Object,
) -> Result<Option<AddResult>, Error> {
    let version = tell::version(call, delegate)?;
    let execution = execution(call, verb, told, find(call, delegate, verb)?)
        .ok_or_else(|| Error::TryAgainLater(no_time_for(delegate, verb)))?;
    let started = Instant::now();
    log::debug!("{verb} of {}", execution.program.display());
    let (outcome, said) = match exec::run(&execution).await {
        Ok(finished) => (answer::read(&finished, verb, version), finished.stderr),
        Err(error) => failure(error),
    };
    forward(&said);
    outcome.map_err(|failure| {
        let invocation = Invocation {
            plugin: tell::name(delegate).to_owned(),
            verb,
            path: Some(execution.program),
            took: started.elapsed(),
            stderr: tail(&said),
        };
        Error::Delegate(Box::new(DelegateError { invocation, failure }))
    })
}

/// The whole environment as it came to us, with CNI_COMMAND changed when another verb is meant (specification, section 4).
fn execution(call: &Call, verb: Verb, told: &Object, program: PathBuf) -> Option<Execution> {
    let limits = call.limits()?;
    let environment = call.environment.with("CNI_COMMAND", verb.as_str());
    Some(Execution {
        program,
        args: Vec::new(),
        environment: environment.variables().to_vec(),
        stdin: Value::Object(told.clone()).to_string().into_bytes(),
        limits,
    })
}

fn no_time_for(delegate: &Object, verb: Verb) -> String {
    format!(
        "the time for the whole call was over before {verb} of delegate {:?}",
        tell::name(delegate)
    )
}

/// A run that did not come to its end, and what was said on stderr until then.
fn failure<T>(error: ExecError) -> (Result<T, DelegateFailure>, Vec<u8>) {
    let said = error.stderr().to_vec();
    let failure = match error {
        ExecError::Deadline { .. } | ExecError::Flood { .. } => DelegateFailure::Stopped(error),
        _ => DelegateFailure::Exec(error),
    };
    (Err(failure), said)
}

/// A delegate's stderr is for whoever reads ours, after success and after failure (specification, section 4).
fn forward(said: &[u8]) {
    // Nobody may be listening; that is no reason to fail.
    let _ = stderr().write_all(said);
}

fn tail(said: &[u8]) -> String {
    String::from_utf8_lossy(&said[said.len().saturating_sub(TAIL)..]).into_owned()
}
