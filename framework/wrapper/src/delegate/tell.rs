//! What a delegate reads on its stdin.

use serde_json::Value;

use crate::{AddResult, Call, Error, Object, SpecVersion, labels};

/// Keys of the outer configuration that a delegate is told, beside all that begin with `cni.dev/`.
const HANDED_ON: [&str; 2] = ["args", "runtimeConfig"];

/// A chain hands results on, which configurations can since 0.3.0, and needs them on DEL too, since 0.4.0.
const OLDEST_FOR_CHAINS: SpecVersion = SpecVersion::V0_4_0;

/// The delegate's own object, plus the outer name, `cniVersion` when it has none of its own, `args`,
/// `runtimeConfig`, the result so far and the `cni.dev/` keys. One that declares capabilities is told in the common form what
/// Mesos says in its own.
///
/// # Errors
///
/// When the result can't be said in the delegate's version, or its `cniVersion` is not known (code 1).
pub(super) fn config(
    call: &Call,
    delegate: &Object,
    result: Option<&AddResult>,
) -> Result<Object, Error> {
    let version = version(call, delegate)?;
    let mut told = delegate.clone();
    told.insert("name".into(), call.attachment.network.clone().into());
    if !has_version(delegate) && (has_version(&call.config) || version != SpecVersion::default()) {
        told.insert("cniVersion".into(), version.as_str().into());
    }
    let outer = call.config.iter();
    for (key, value) in
        outer.filter(|(key, _)| HANDED_ON.contains(&key.as_str()) || key.starts_with("cni.dev/"))
    {
        told.insert(key.clone(), value.clone());
    }
    labels::translate_mesos(&mut told);
    if let Some(result) = result {
        told.insert("prevResult".into(), Value::Object(in_version(result, version)?));
    }
    Ok(told)
}

/// The version in which a delegate is asked: its own, else the outer one, but for a chain one that has prevResult.
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

/// The delegate's `type`, which was checked when the call was read; a rewrite may have changed it since.
pub(super) fn name(delegate: &Object) -> &str {
    delegate.get("type").and_then(Value::as_str).unwrap_or_default()
}
