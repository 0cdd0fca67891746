//! One execution of a delegate.

use std::{
    io::{Write, stderr},
    path::PathBuf,
    time::{Duration, Instant},
};

use cni_protocol::{AddResult, Object, Verb};
use serde_json::Value;

use crate::{
    call::Call,
    error::{DelegateError, DelegateFailure, Error, ExecError, Invocation},
    kit::observer::DelegateCall,
};

use super::{
    answer,
    exec::{self, Execution, Limits},
    find::find,
    pass, remedy,
};

/// The most of a delegate's stderr that is part of an error, in bytes.
const TAIL: usize = 2000;

/// Runs the delegate to its end. Returns the result of an ADD, `None` for every other verb.
///
/// # Errors
///
/// The delegate's own error with its code, or how it failed to answer properly.
pub(super) async fn invoke(
    call: &Call,
    delegate: &Object,
    verb: Verb,
    config: &Object,
) -> Result<Option<AddResult>, Error> {
    let version = pass::version(call, delegate)?;
    let event = DelegateCall { plugin: pass::name(delegate), verb, version, config };
    let program = find(call, delegate, verb)?;
    let limits = limits(call).ok_or_else(|| Error::TryAgainLater(no_time_for(&event)))?;
    let execution = execution(call, &event, program, limits);
    let started = Instant::now();
    log::debug!("{verb} of {}", execution.program.display());
    let (outcome, stderr) = match exec::run(&execution).await {
        Ok(output) => (answer::read(&output, verb, version), output.stderr),
        Err(error) => failure(error),
    };
    let took = started.elapsed();
    forward(&stderr);
    call.observers().stderr(&event, &stderr);
    let outcome = outcome.map_err(|failure| {
        let (plugin, stderr) = (event.plugin.to_owned(), tail(&stderr));
        let path = Some(execution.program);
        let invocation = Invocation { plugin, verb, path, took, stderr };
        let remedy = remedy::remedy(config, &failure.to_string());
        Error::Delegate(Box::new(DelegateError { invocation, failure, remedy }))
    });
    call.observers().finished(&event, took, outcome.as_ref().map(Option::as_ref));
    outcome
}

/// Returns the limits of a delegate that starts now, or `None` if the call's time is over.
fn limits(call: &Call) -> Option<Limits> {
    let default = Limits::default();
    let own = call.settings().delegate_timeout().unwrap_or(default.deadline);
    let Some(deadline) = call.deadline() else {
        return Some(Limits { deadline: own, ..default });
    };
    let left = deadline.saturating_duration_since(Instant::now()).as_millis();
    // In whole milliseconds, because it is shown to people.
    let left = Duration::from_millis(left.try_into().unwrap_or(u64::MAX));
    (!left.is_zero()).then(|| Limits { deadline: own.min(left), ..default })
}

/// Returns the execution of a delegate. It has the environment of the call, except that CNI_COMMAND
/// is the delegate's verb (specification, section 4).
fn execution(call: &Call, event: &DelegateCall<'_>, program: PathBuf, limits: Limits) -> Execution {
    let environment = call.environment.with("CNI_COMMAND", event.verb.as_str());
    let environment = call.observers().started(event, environment);
    Execution {
        program,
        args: Vec::new(),
        environment: environment.variables().to_vec(),
        stdin: Value::Object(event.config.clone()).to_string().into_bytes(),
        limits,
    }
}

fn no_time_for(event: &DelegateCall<'_>) -> String {
    let DelegateCall { plugin, verb, .. } = event;
    format!("the time for the whole call was over before {verb} of delegate {plugin:?}")
}

/// Returns the failure of a delegate that was stopped or could not be run, and its stderr.
fn failure<T>(error: ExecError) -> (Result<T, DelegateFailure>, Vec<u8>) {
    let stderr = error.stderr().to_vec();
    let failure = match error {
        ExecError::Deadline { .. } | ExecError::OutputLimit { .. } => {
            DelegateFailure::Stopped(error)
        }
        _ => DelegateFailure::Exec(error),
    };
    (Err(failure), stderr)
}

/// A delegate's stderr is forwarded after success and after failure (specification, section 4).
fn forward(text: &[u8]) {
    // A closed stderr is no reason to fail.
    let _ = stderr().write_all(text);
}

fn tail(stderr: &[u8]) -> String {
    String::from_utf8_lossy(&stderr[stderr.len().saturating_sub(TAIL)..]).into_owned()
}
