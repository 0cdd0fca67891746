//! The verbs, one file each.

mod add;
mod check;
mod del;
mod marker;
mod network;
mod owned;

use serde_json::{Value, json};

use crate::call::{Call, VERSIONS};
use crate::fault::Fault;

type Response = Result<Option<Value>, Fault>;

/// Runs the verb and returns its result.
pub(crate) fn dispatch(call: &Call) -> Response {
    if call.verb() == "VERSION" {
        return version(call);
    }
    call.check()?;
    match call.verb() {
        "ADD" => add::add(call).map(Some),
        "DEL" => del::del(call).map(|()| None),
        "CHECK" => check::check(call).map(|()| None),
        "GC" => network::gc(call).map(|()| None),
        _ => network::status(call).map(|()| None),
    }
}

fn version(call: &Call) -> Response {
    let version = call.key("cniVersion").as_str().map(str::to_owned);
    if call.netns() == "dummy" && call.is_mutant("environment.version-needs-only-command") {
        return Err(Fault::new(4, "CNI_NETNS is no path"));
    }
    let version = version.filter(|_| !call.is_mutant("version.repeats-input-version"));
    let mut versions: Vec<Value> = VERSIONS.iter().map(|version| json!(version)).collect();
    if call.is_mutant("version.lists-versions") {
        versions.push(json!(3));
    }
    if call.is_mutant("version.list-is-truthful") {
        versions.retain(|version| version != "0.3.1");
    }
    let version = version.unwrap_or_else(|| "1.1.0".to_owned());
    Ok(Some(json!({ "cniVersion": version, "supportedVersions": versions })))
}
