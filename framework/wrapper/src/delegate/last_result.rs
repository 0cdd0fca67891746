//! The last result, for delegates that need it on DEL under a runtime that does not keep it.
//!
//! Since 0.4.0 the result of ADD is passed to a plugin on DEL, and some can't clean up without it.
//! A runtime that uses an older version, such as Mesos with 0.1.0, does not pass it. So the last
//! result of an ADD is stored here until DEL.

use std::path::{Path, PathBuf};

use cni_protocol::{AddResult, Object, SpecVersion, is_plugin_name};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{call::Call, error::Error, kit::attachment_store::AttachmentStore};

use super::pass;

/// The first version in which DEL has a result.
const SINCE: SpecVersion = SpecVersion::V0_4_0;

#[derive(Serialize, Deserialize)]
struct LastResult {
    version: String,
    result: Object,
}

/// Returns the store, or `None` if no delegate needs the result or the runtime keeps it itself.
fn store(call: &Call) -> Option<AttachmentStore<LastResult>> {
    let is_needed = || {
        let versions = call.delegates().iter().map(|delegate| pass::version(call, delegate));
        versions.flatten().any(|version| version >= SINCE)
    };
    (call.version < SINCE && is_needed()).then(|| AttachmentStore::new(directory(call)))
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
pub(super) fn keep(call: &Call, result: &AddResult) -> Result<(), Error> {
    let Some(store) = store(call) else { return Ok(()) };
    let version = result.version().as_str().to_owned();
    let last = LastResult { version, result: result.document().clone() };
    Ok(store.write(&call.attachment, &last)?)
}

/// Returns the result that was kept last. One that can't be read must not keep a container from
/// being removed.
pub(super) fn kept(call: &Call) -> Option<AddResult> {
    let last = store(call)?.read(&call.attachment).unwrap_or_else(|error| {
        log::warn!("DEL without prevResult: {error}");
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
pub(super) fn forget(call: &Call) -> Result<(), Error> {
    match store(call) {
        Some(store) => Ok(store.remove(&call.attachment)?),
        None => Ok(()),
    }
}
