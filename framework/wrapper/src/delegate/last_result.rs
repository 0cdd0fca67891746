//! The record of an ADD with delegates, until DEL: the network namespace, and the last result for
//! delegates that need it on DEL under a runtime that does not keep it.
//!
//! Since 0.4.0 the result of ADD is passed to a plugin on DEL, and some can't clean up without it.
//! A runtime that uses an older version, such as Mesos with 0.1.0, does not pass it. So the last
//! result of an ADD is stored here.
//!
//! By the record, a repeated ADD is recognized if delegates are called in a list: there the
//! interface is that of the plugins before. By the namespace, an ADD is recognized whose attachment
//! exists in another one.

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
    kit::{attachment_store::AttachmentStore, namespace::NamespaceId},
    settings::RESULT_DIR,
};

use super::{leftovers::Running, pass};

/// The first version in which DEL has a result.
const SINCE: SpecVersion = SpecVersion::V0_4_0;

/// The record of an ADD. Those of earlier versions have no namespace.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    version: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    result: Option<Object>,
    #[serde(default)]
    netns: String,
    #[serde(default)]
    namespace: Option<NamespaceId>,
}

impl Record {
    fn of(call: &Call, result: &AddResult, is_result_kept: bool) -> Self {
        Self {
            version: result.version().as_str().to_owned(),
            result: is_result_kept.then(|| result.document().clone()),
            netns: call.netns.clone().unwrap_or_default(),
            namespace: call.namespace().cloned(),
        }
    }

    /// Returns the last result, if a delegate may need it.
    pub(super) fn result(&self) -> Option<AddResult> {
        let version = self.version.parse().ok()?;
        AddResult::from_value(Value::Object(self.result.clone()?), version).ok()
    }
}

/// Returns whether a delegate needs the result on DEL, and the runtime does not keep it.
fn is_needed(call: &Call) -> bool {
    let mut versions = call.delegates().iter().map(|delegate| pass::version(call, delegate));
    call.version < SINCE && versions.any(|version| version.is_ok_and(|version| version >= SINCE))
}

/// Returns the store, in the directory that a running call has open, if there is one.
fn store(call: &Call, running: Option<&Running>) -> AttachmentStore<Record> {
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

/// Records that a delegate has succeeded, in place of the record of the previous one. Returns
/// whether there is a record now.
///
/// # Errors
///
/// The result can't be written, so the delegate could not clean up.
pub(super) fn keep(
    call: &Call,
    running: Option<&Running>,
    result: &AddResult,
    is_last: bool,
) -> Result<bool, Error> {
    let is_needed = is_needed(call);
    let is_result_kept = is_needed || call.has_prev_result();
    if !is_result_kept && !is_last {
        return Ok(false);
    }
    let record = Record::of(call, result, is_result_kept);
    if record.result.is_none() && record.namespace.is_none() {
        return Ok(false); // by which nothing could be recognized
    }
    match store(call, running).write(&call.attachment, &record) {
        Err(error) if !is_result_kept => log::debug!("an ADD is not recorded: {error}"),
        Err(error) if !is_needed => log::warn!("a repeated ADD will not be recognized: {error}"),
        written => return Ok(written.map(|()| true)?),
    }
    Ok(false)
}

/// Returns whether there is a record of an earlier ADD.
///
/// # Errors
///
/// [`Error::AttachedElsewhere`]: it is of another namespace, which may exist.
pub(crate) fn find_earlier_add(call: &Call) -> Result<bool, Error> {
    let Some(record) = read(call, None) else { return Ok(false) };
    call.refuse_if_attached_elsewhere(&record.netns, record.namespace.as_ref())?;
    Ok(true)
}

/// Returns the record. One that can't be read must not keep a container from being removed.
pub(super) fn read(call: &Call, running: Option<&Running>) -> Option<Record> {
    if call.delegates().is_empty() {
        return None;
    }
    store(call, running).read(&call.attachment).unwrap_or_else(|error| {
        if !is_no_directory(&error) {
            log::warn!("the last result can't be used: {error}");
        }
        None
    })
}

/// Removes the record, once the attachment is removed.
///
/// # Errors
///
/// The file can't be removed.
pub(super) fn forget(call: &Call, running: Option<&Running>) -> Result<(), Error> {
    if call.delegates().is_empty() {
        return Ok(());
    }
    match store(call, running).remove(&call.attachment) {
        Err(error) if is_no_directory(&error) => return Ok(()),
        removed => removed?,
    }
    if running.is_none() {
        remove_empty(&directory(call)); // as `Running` does when the call ends
    }
    Ok(())
}

/// Reports whether the path can't contain anything, since a part of it is another file. An ADD that
/// needed it has failed.
fn is_no_directory(error: &StoreError) -> bool {
    matches!(error, StoreError::File(error) if error.source.kind() == ErrorKind::NotADirectory)
}

/// Removes the plugin's directory if it is empty, and then the default one of all plugins. An
/// administrator may have created any other.
pub(super) fn remove_empty(directory: &Path) {
    // Whether it is in use is no error to repeat the step for.
    let remove = || match std::fs::remove_dir(directory) {
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(false),
        removed => removed.map(|()| true),
    };
    let is_gone = twice(remove).unwrap_or_else(|error| error.kind() == ErrorKind::NotFound);
    let parent = directory.parent().filter(|parent| *parent == Path::new(RESULT_DIR));
    if let Some(parent) = parent.filter(|_| is_gone) {
        let _ = twice(|| std::fs::remove_dir(parent));
    }
}

/// Repeats a step that fails.
pub(super) fn twice<T, E>(step: impl Fn() -> Result<T, E>) -> Result<T, E> {
    step().or_else(|_| step())
}

/// Removes the records of attachments of this network that are no longer valid.
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
            remove_empty(&directory(call));
        }
    }
    Ok(())
}
