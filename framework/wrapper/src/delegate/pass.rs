//! The configuration that is passed to a delegate on its stdin.

use cni_protocol::{AddResult, Object, SpecVersion};
use serde_json::Value;

use crate::{call::Call, error::Error};

/// Returns what the delegate gets after all rewrites, plus the result so far.
///
/// # Errors
///
/// The result can't be converted to the delegate's version, or its `cniVersion` is not known (code
/// 1).
pub(super) fn config(
    call: &Call,
    delegate: &Object,
    result: Option<&AddResult>,
) -> Result<Object, Error> {
    let version = version(call, delegate)?;
    let mut config = call.passed_to(delegate);
    if let Some(result) = result {
        config.insert("prevResult".into(), Value::Object(in_version(result, version)?));
    }
    Ok(config)
}

/// Returns the version of a delegate's configuration: its own, else that of the call.
pub(super) fn version(call: &Call, delegate: &Object) -> Result<SpecVersion, Error> {
    match delegate.get("cniVersion") {
        Some(Value::String(own)) if !own.is_empty() => {
            own.parse().map_err(|_| Error::IncompatibleVersion {
                what: format!("delegate {}: cniVersion {own:?} is not known", name(delegate)),
            })
        }
        _ => Ok(call.version_of_delegates()),
    }
}

fn in_version(result: &AddResult, version: SpecVersion) -> Result<Object, Error> {
    Ok(result.clone().convert(version)?.document().clone())
}

/// Returns the delegate's `type`. It was checked when the call was read, but a rewrite may have
/// changed it.
pub(super) fn name(delegate: &Object) -> &str {
    delegate.get("type").and_then(Value::as_str).unwrap_or_default()
}
