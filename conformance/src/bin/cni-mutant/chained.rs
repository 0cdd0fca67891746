//! The profile `chained`: handling of `prevResult`.

use serde_json::Value;

use crate::call::{Call, VERSIONS};
use crate::fault::Fault;

/// Returns the result of the previous plugin, in the version of the call.
pub(crate) fn add(call: &Call) -> Result<Value, Fault> {
    let fault = |text: &str| Err(Fault::new(7, format!("prevResult: {text}")));
    let mut prev = call.key("prevResult");
    if prev.as_object().is_none_or(|prev| prev.is_empty()) {
        return match call.is_mutant("chain.needs-prev-result") {
            true => Ok(serde_json::json!({ "cniVersion": call.version })),
            false => fault("missing or empty; this plugin must be chained"),
        };
    }
    let version = match prev.get("cniVersion").and_then(Value::as_str) {
        Some(version) => version.to_owned(),
        None if call.is_mutant("chain.prev-result-without-version") => {
            return fault("cniVersion is missing");
        }
        None => call.version.clone(),
    };
    if version != call.version && call.is_mutant("chain.prev-result-of-other-version") {
        return fault("unsupported version");
    }
    if result_format(&version) != result_format(&call.version) {
        return fault("the version has another result format");
    }
    if prev.get("routes") == Some(&Value::Null)
        && call.is_mutant("result.empty-members-are-tolerated")
    {
        return fault("routes: null");
    }
    let alone = prev["interfaces"].as_array().is_some_and(|list| list.len() == 1);
    if alone && call.is_mutant("chain.any-kind-of-interface") {
        return fault("there is no interface on the host");
    }
    prev["cniVersion"] = call.version.as_str().into();
    Ok(prev)
}

/// Returns the result format of a version.
fn result_format(version: &str) -> usize {
    match VERSIONS.iter().position(|known| *known == version) {
        Some(0..=1) => 1,
        Some(2..=4) => 2,
        Some(_) => 3,
        None => 0,
    }
}

/// Returns the IPv4 address of the container's interface in a result, without its prefix length.
pub(crate) fn address(call: &Call, result: &Value) -> Option<String> {
    let interfaces = result["interfaces"].as_array().cloned().unwrap_or_default();
    let own = |ip: &&Value| {
        let Some(index) = ip["interface"].as_u64() else { return true };
        let interface = usize::try_from(index).ok().and_then(|index| interfaces.get(index));
        interface.is_some_and(|one| one["name"] == call.ifname() && one["sandbox"].is_string())
            || call.is_mutant("chain.several-interfaces-and-addresses")
    };
    let ips = result["ips"].as_array().cloned().unwrap_or_default();
    let text = |ip: &Value| ip["address"].as_str().map(str::to_owned);
    let mut addresses = ips.iter().filter(own).filter_map(text);
    let first = addresses.find(|address| !address.contains(':'));
    let address = first.or_else(|| result["ip4"]["ip"].as_str().map(str::to_owned))?;
    address.split('/').next().map(str::to_owned)
}
