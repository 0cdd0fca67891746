//! The configuration that is passed to a delegate on its stdin.

use cni_protocol::{AddResult, Object, SpecVersion, mesos};
use serde_json::Value;

use crate::{call::Call, error::Error};

/// Keys of the outer configuration that are passed on, in addition to all that begin with
/// `cni.dev/`.
const PASSED_ON: [&str; 2] = ["args", "runtimeConfig"];

/// A chain passes results on, which exists since 0.3.0, and needs them on DEL, which exists since
/// 0.4.0.
const OLDEST_FOR_CHAINS: SpecVersion = SpecVersion::V0_4_0;

/// Returns the delegate's own object, plus the outer `name`, `args`, `runtimeConfig` and `cni.dev/`
/// keys, the result so far, and the outer `cniVersion` if it has none. If it declares capabilities,
/// Mesos's values are added in the common form.
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
    let mut config = delegate.clone();
    config.insert("name".into(), call.attachment.network.clone().into());
    if !has_version(delegate) && (has_version(&call.config) || version != SpecVersion::default()) {
        config.insert("cniVersion".into(), version.as_str().into());
    }
    let outer = call.config.iter();
    for (key, value) in
        outer.filter(|(key, _)| PASSED_ON.contains(&key.as_str()) || key.starts_with("cni.dev/"))
    {
        config.insert(key.clone(), value.clone());
    }
    mesos::translate(&mut config);
    if let Some(result) = result {
        config.insert("prevResult".into(), Value::Object(in_version(result, version)?));
    }
    Ok(config)
}

/// Returns the version of a delegate's configuration: its own, else the outer one, but in a chain
/// at least the first that passes prevResult on DEL.
pub(super) fn version(call: &Call, delegate: &Object) -> Result<SpecVersion, Error> {
    match delegate.get("cniVersion") {
        Some(Value::String(own)) if !own.is_empty() => {
            own.parse().map_err(|_| Error::IncompatibleVersion {
                what: format!("delegate {}: cniVersion {own:?} is not known", name(delegate)),
            })
        }
        _ if call.delegates().len() > 1 => Ok(call.version.max(OLDEST_FOR_CHAINS)),
        _ => Ok(call.version),
    }
}

fn has_version(config: &Object) -> bool {
    matches!(config.get("cniVersion"), Some(Value::String(text)) if !text.is_empty())
}

fn in_version(result: &AddResult, version: SpecVersion) -> Result<Object, Error> {
    Ok(result.clone().convert(version)?.document().clone())
}

/// Returns the delegate's `type`. It was checked when the call was read, but a rewrite may have
/// changed it.
pub(super) fn name(delegate: &Object) -> &str {
    delegate.get("type").and_then(Value::as_str).unwrap_or_default()
}
