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
    exec::{self, ExecError, Execution, Limits},
    observer::Run,
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
    let run = Run { plugin: tell::name(delegate), verb, version, config: told };
    let program = find(call, delegate, verb)?;
    let limits = call.limits().ok_or_else(|| Error::TryAgainLater(no_time_for(&run)))?;
    let execution = execution(call, &run, program, limits);
    let started = Instant::now();
    log::debug!("{verb} of {}", execution.program.display());
    let (outcome, said) = match exec::run(&execution).await {
        Ok(finished) => (answer::read(&finished, verb, version), finished.stderr),
        Err(error) => failure(error),
    };
    let took = started.elapsed();
    forward(&said);
    let outcome = outcome.map_err(|failure| {
        let invocation = Invocation {
            plugin: run.plugin.to_owned(),
            verb,
            path: Some(execution.program),
            took,
            stderr: tail(&said),
        };
        Error::Delegate(Box::new(DelegateError { invocation, failure }))
    });
    call.observers().ended(&run, took, outcome.as_ref().map(Option::as_ref));
    outcome
}

/// The whole environment as it came to us, with CNI_COMMAND changed when another verb is meant (specification, section 4).
fn execution(call: &Call, run: &Run<'_>, program: PathBuf, limits: Limits) -> Execution {
    let environment = call.environment.with("CNI_COMMAND", run.verb.as_str());
    let environment = call.observers().starting(run, environment);
    Execution {
        program,
        args: Vec::new(),
        environment: environment.variables().to_vec(),
        stdin: Value::Object(run.config.clone()).to_string().into_bytes(),
        limits,
    }
}

fn no_time_for(run: &Run<'_>) -> String {
    let Run { plugin, verb, .. } = run;
    format!("the time for the whole call was over before {verb} of delegate {plugin:?}")
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
