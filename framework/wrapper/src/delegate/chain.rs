//! The delegates of a call: one, or a list run as a chain.
//!
//! ADD, CHECK, GC and STATUS run in list order, DEL in reverse order. ADD and DEL stop at the first
//! error, as runtimes do with a list: what a later plugin could not remove may depend on an earlier
//! one.

use cni_protocol::{AddResult, Object, Verb, check_container_id};

use crate::{
    call::Call,
    error::{DelegateFailure, Error, ExecError, left_alone},
    rollback::Rollback,
};

use super::{
    find::find,
    invoke::invoke,
    last_result::{self, Record},
    leftovers::{self, Running},
    missing, pass,
};

/// Runs ADD from the first delegate to the last, and passes each the result of the previous one. If
/// one fails, a DEL is sent to all that were started, the failed one included, unless the
/// attachment existed before.
pub(super) async fn add(call: &Call) -> Result<AddResult, Error> {
    let mut result = call.prev_result()?;
    let running = Running::begin(call).await;
    let is_repeated = call.find_earlier_add(async { call.has_own_record() }).await?;
    for (index, delegate) in call.delegates().iter().enumerate() {
        let (before, begun) = (&call.delegates()[..index], &call.delegates()[..=index]);
        match add_one(call, delegate, result.as_ref()).await {
            Ok(answer) => {
                // The result of the earlier ADD is needed until this one has succeeded.
                let is_last = index + 1 == call.delegates().len();
                let kept = match !is_repeated || is_last {
                    true => last_result::keep(call, running.as_ref(), &answer, is_last),
                    false => Ok(false),
                };
                result = Some(answer);
                match kept {
                    Ok(is_kept) if is_last && is_kept => {
                        running.iter().for_each(Running::keep_directory);
                    }
                    Ok(_) => {}
                    Err(error) => return Err(roll_back(call, begun, result, error).await),
                }
            }
            Err(mut error) => {
                // Nothing has to be cleaned up after a delegate that was not started or that left
                // an earlier attachment alone, which its DEL would remove.
                let has_begun = has_started(&error) && !left_alone::is_reported_by(&error);
                let begun = if has_begun { begun } else { before };
                if !before.is_empty() {
                    left_alone::withdraw(&mut error);
                }
                let _running = match running {
                    Some(running) if is_crash(&error) => running.after_killed_delegate(call).await,
                    running => running,
                };
                return Err(roll_back(call, begun, result, error).await);
            }
        }
    }
    Ok(result.unwrap_or_else(|| AddResult::empty(call.version)))
}

async fn add_one(
    call: &Call,
    delegate: &Object,
    previous: Option<&AddResult>,
) -> Result<AddResult, Error> {
    let passed = pass::config(call, delegate, previous)?;
    let answer = invoke(call, delegate, Verb::Add, &passed).await?;
    answer.ok_or_else(|| Error::Decode {
        what: "the delegate's answer".into(),
        why: "ADD printed no result".into(),
    })
}

/// Goes on after an error of a delegate, unlike DEL: after a failed ADD there is no container that
/// could be exposed.
async fn roll_back(
    call: &Call,
    begun: &[Object],
    result: Option<AddResult>,
    error: Error,
) -> Error {
    let mut rollback = match Rollback::begin(call, error) {
        Ok(rollback) => rollback,
        Err(error) => return error,
    };
    if !begun.is_empty() && !rollback.clean_outer_layers(call).await {
        return rollback.into_error();
    }
    let call = &call.for_rollback();
    for delegate in begun.iter().rev() {
        let outcome = run(call, delegate, Verb::Del, result.as_ref()).await;
        rollback.step(&format!("DEL of delegate {}", pass::name(delegate)), outcome);
    }
    rollback.step("removal of the last result", last_result::forget(call, None));
    rollback.into_error()
}

/// Returns whether the delegate of this error was executed.
fn has_started(error: &Error) -> bool {
    match error {
        Error::Delegate(delegate) => !matches!(
            delegate.failure,
            DelegateFailure::NotFound { .. } | DelegateFailure::Exec(ExecError::Start { .. })
        ),
        _ => false,
    }
}

/// Returns whether the delegate may have left something running that it would have waited for.
fn is_crash(error: &Error) -> bool {
    let Error::Delegate(delegate) = error else { return false };
    matches!(delegate.failure, DelegateFailure::Crashed { .. })
}

/// Runs DEL from the last delegate to the first. A delegate that can't be run is skipped if the
/// attachment is not known.
pub(super) async fn del(call: &Call) -> Result<(), Error> {
    if call.is_left_alone() {
        return Ok(());
    }
    let running = Running::begin(call).await;
    // A prevResult that can't be read must not keep a container from being removed.
    let result = call.prev_result().unwrap_or_else(|error| {
        log::warn!("DEL without prevResult: {error}");
        None
    });
    let record = last_result::read(call, running.as_ref());
    let is_kept = record.is_some();
    let last = record.as_ref().and_then(Record::result);
    // A DEL has begun, so an ADD in another namespace need not be refused any more. Only a delegate
    // that fails may need the record again, for the result.
    let is_needed_again = last.is_some();
    let result = result.or(last);
    if let Some(error) = call.unusable_delegates() {
        missing::skip(call, error, is_kept)?;
    }
    for delegate in call.delegates().iter().rev() {
        match run(call, delegate, Verb::Del, result.as_ref()).await {
            Err(error) if missing::is_permanent(&error) => missing::skip(call, error, is_kept)?,
            Err(error) if refuses_container_id(call, &error) => {
                // It refuses it on ADD, too, so it has attached nothing.
                log::warn!("DEL of delegate {} is skipped: {error}", pass::name(delegate));
            }
            Err(error) if is_kept && !is_needed_again => {
                if let Err(trouble) = last_result::forget(call, running.as_ref()) {
                    log::warn!("{trouble}");
                }
                return Err(error);
            }
            outcome => outcome?,
        }
    }
    last_result::forget(call, running.as_ref())
}

/// Returns whether the delegate has refused a container id that the specification does not allow.
/// No ADD succeeds with it, but runtimes call DEL after it.
fn refuses_container_id(call: &Call, error: &Error) -> bool {
    const INVALID_ENVIRONMENT: u32 = 4;
    error.code() == INVALID_ENVIRONMENT
        && matches!(error, Error::Delegate(_))
        && check_container_id(&call.attachment.container_id).is_err()
}

/// Runs CHECK from the first delegate to the last, and passes each the final result.
pub(super) async fn check(call: &Call, result: &AddResult) -> Result<(), Error> {
    for delegate in call.delegates() {
        run(call, delegate, Verb::Check, Some(result)).await?;
    }
    Ok(())
}

/// Runs GC of every delegate, even if others fail, and returns their errors.
pub(super) async fn gc(call: &Call) -> Vec<Error> {
    leftovers::collect(call);
    let mut errors = Vec::new();
    for delegate in call.delegates() {
        errors.extend(run(call, delegate, Verb::Gc, None).await.err());
    }
    if !call.delegates().is_empty() {
        errors.extend(last_result::forget_invalid(call).err());
    }
    errors
}

/// Runs STATUS of every delegate, up to the first that is not ready.
pub(super) async fn status(call: &Call) -> Result<(), Error> {
    for delegate in call.delegates() {
        run(call, delegate, Verb::Status, None).await.map_err(missing_is_not_available)?;
    }
    Ok(())
}

fn missing_is_not_available(error: Error) -> Error {
    match &error {
        Error::Delegate(_) if !has_started(&error) => Error::NotAvailable(error.to_string()),
        _ => error,
    }
}

async fn run(
    call: &Call,
    delegate: &Object,
    verb: Verb,
    result: Option<&AddResult>,
) -> Result<(), Error> {
    let version = pass::version(call, delegate)?;
    // A delegate may use an older version than we do. It is not called with verbs that it does not
    // have.
    if version < verb.since() {
        log::debug!("delegate {} uses CNI {version}, which has no {verb}", pass::name(delegate));
        // The file must exist all the same, or ADD would fail.
        return if verb == Verb::Status { find(call, delegate, verb).map(drop) } else { Ok(()) };
    }
    let passed = match pass::config(call, delegate, result) {
        Err(error) if verb == Verb::Del && result.is_some() => {
            log::warn!("DEL without prevResult: {error}");
            pass::config(call, delegate, None)?
        }
        passed => passed?,
    };
    invoke(call, delegate, verb, &passed).await.map(drop)
}
