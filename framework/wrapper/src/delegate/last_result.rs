//! The last result, for delegates that need it on DEL under a runtime that does not keep it.
//!
//! Since 0.4.0 the result of ADD is passed to a plugin on DEL, and some can't clean up without it.
//! A runtime that uses an older version, such as Mesos with 0.1.0, does not pass it. So the last
//! result of an ADD is stored here until DEL.
//!
//! It is also the record by which a repeated ADD is recognized if delegates are called in a list:
//! there the interface is that of the plugins before.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use cni_protocol::{AddResult, Object, SpecVersion, is_plugin_name};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    call::Call,
    error::{Error, StoreError},
    kit::attachment_store::AttachmentStore,
};

use super::{leftovers::Running, pass};

/// The first version in which DEL has a result.
const SINCE: SpecVersion = SpecVersion::V0_4_0;

#[derive(Serialize, Deserialize)]
struct LastResult {
    version: String,
    result: Object,
}

/// Returns whether a delegate needs the result on DEL, and the runtime does not keep it.
fn is_needed(call: &Call) -> bool {
    let mut versions = call.delegates().iter().map(|delegate| pass::version(call, delegate));
    call.version < SINCE && versions.any(|version| version.is_ok_and(|version| version >= SINCE))
}

/// Returns the store, in the directory that a running call has open, if there is one.
fn store(call: &Call, running: Option<&Running>) -> AttachmentStore<LastResult> {
    match running {
        Some(running) => AttachmentStore::in_directory(running.directory().clone()),
        None => AttachmentStore::new(directory(call)),
    }
}

/// One for each plugin: a wrapper can be the delegate of another, and both keep the same
/// attachment's result.
pub(super) fn directory(call: &Call) -> PathBuf {
    let name = call.config.get("type").and_then(Value::as_str);
    let name = name.filter(|name| is_plugin_name(name)).unwrap_or("unnamed");
    Path::new(call.settings().result_dir()).join(name)
}

/// Keeps the result of a delegate, in place of that of the previous one.
///
/// # Errors
///
/// It can't be written, so the delegate could not clean up.
pub(super) fn keep(
    call: &Call,
    running: Option<&Running>,
    result: &AddResult,
) -> Result<(), Error> {
    let is_needed = is_needed(call);
    if !is_needed && !call.has_prev_result() {
        return Ok(());
    }
    let version = result.version().as_str().to_owned();
    let last = LastResult { version, result: result.document().clone() };
    match store(call, running).write(&call.attachment, &last) {
        Err(error) if !is_needed => log::warn!("a repeated ADD will not be recognized: {error}"),
        written => written?,
    }
    Ok(())
}

/// Returns the result that was kept last. One that can't be read must not keep a container from
/// being removed.
pub(super) fn kept(call: &Call, running: Option<&Running>) -> Option<AddResult> {
    if call.delegates().is_empty() {
        return None;
    }
    let last = store(call, running).read(&call.attachment).unwrap_or_else(|error| {
        if !is_no_directory(&error) {
            log::warn!("the last result can't be used: {error}");
        }
        None
    })?;
    let version = last.version.parse().ok()?;
    AddResult::from_value(Value::Object(last.result), version).ok()
}

/// Removes the result, once the attachment is removed.
///
/// # Errors
///
/// The file can't be removed.
pub(super) fn forget(call: &Call, running: Option<&Running>) -> Result<(), Error> {
    if call.delegates().is_empty() {
        return Ok(());
    }
    match store(call, running).remove(&call.attachment) {
        Err(error) if is_no_directory(&error) => Ok(()),
        removed => Ok(removed?),
    }
}

/// Reports whether the path can't contain anything, since a part of it is another file. An ADD that
/// needed it has failed.
fn is_no_directory(error: &StoreError) -> bool {
    matches!(error, StoreError::File(error) if error.source.kind() == ErrorKind::NotADirectory)
}

/// Removes the results of attachments of this network that are no longer valid.
///
/// # Errors
///
/// The list of the valid ones or the directory can't be read, or a file can't be removed.
pub(super) fn forget_invalid(call: &Call) -> Result<(), Error> {
    let Some(valid) = call.valid_attachments()? else { return Ok(()) };
    let store = store(call, None);
    for (attachment, _) in store.of_network(&call.attachment.network)? {
        if !valid.contains(&attachment) {
            store.remove(&attachment)?;
        }
    }
    Ok(())
}
