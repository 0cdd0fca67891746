//! The last result, for delegates that want it on DEL under a runtime that does not keep it.
//!
//! Since 0.4.0 a plugin gets ADD's result on DEL, and some can't clean up without it. A runtime that speaks an older version does not
//! hand it over: as Mesos, which asks in 0.1.0 whatever its delegates speak. So what ADD answered last is noted here until DEL.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AddResult, Call, Error, Notes, Object, SpecVersion, call::is_file_name};

use super::tell;

/// The first version in which DEL has a result.
const SINCE: SpecVersion = SpecVersion::V0_4_0;

#[derive(Serialize, Deserialize)]
struct Noted {
    version: String,
    result: Object,
}

/// Where the results of this call's attachment are noted; `None` where no delegate wants them or the runtime keeps them itself.
pub(super) fn notes(call: &Call) -> Option<Notes> {
    let wanted = || {
        let versions = call.delegates().iter().map(|delegate| tell::version(call, delegate));
        versions.flatten().any(|version| version >= SINCE)
    };
    (call.version < SINCE && wanted()).then(|| Notes::below(directory(call)))
}

/// One for each plugin: a wrapper can stand in another, and both note something of the same attachment.
fn directory(call: &Call) -> std::path::PathBuf {
    let name = call.config.get("type").and_then(Value::as_str);
    let name = name.filter(|name| is_file_name(name)).unwrap_or("unnamed");
    Path::new(call.settings().result_dir()).join(name)
}

/// Notes what a delegate has answered, until the next one has.
///
/// # Errors
///
/// It can't be written: the delegate could not clean up.
pub(super) fn note(call: &Call, result: &AddResult) -> Result<(), Error> {
    let Some(notes) = notes(call) else { return Ok(()) };
    let noted =
        Noted { version: result.version().as_str().to_owned(), result: result.document().clone() };
    notes.write(&call.attachment, &noted)
}

/// What was noted last. What can't be read must not keep a container from going away.
pub(super) fn noted(call: &Call) -> Option<AddResult> {
    let noted: Noted = notes(call)?.read(&call.attachment).unwrap_or_else(|error| {
        log::warn!("DEL without prevResult: {error}");
        None
    })?;
    let version = noted.version.parse().ok()?;
    AddResult::from_value(Value::Object(noted.result), version).ok()
}

/// The attachment is gone.
///
/// # Errors
///
/// The note can't be removed.
pub(super) fn forget(call: &Call) -> Result<(), Error> {
    notes(call).map_or(Ok(()), |notes| notes.remove(&call.attachment))
}
