//! What the plugin prints to stdout.

use std::io::{Write, stdout};
use std::process::ExitCode;

use cni_test_kit::{Answer, ErrorAnswer};
use serde_json::{Map, Value, json};

const VERSIONS: [&str; 7] = ["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"];

/// The exit status if the plugin can't do what the script specifies.
pub(crate) const NOT_AS_SCRIPTED: u8 = 99;

/// Reports a problem with the script: an error object with code 999.
pub(crate) fn refuse(problem: &str) -> ExitCode {
    let error = json!({ "cniVersion": "1.1.0", "code": 999, "msg": problem });
    // There is no other way to report it.
    let _ = writeln!(stdout(), "{error}");
    ExitCode::from(NOT_AS_SCRIPTED)
}

/// Returns the text of an answer, and its exit status.
pub(crate) fn text(answer: &Answer, verb: &str, input: Option<&[u8]>) -> (Vec<u8>, u8) {
    let config = input.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or(Value::Null);
    let version = config["cniVersion"].as_str().unwrap_or("0.1.0");
    match answer {
        Answer::Result(result) => (document(&in_version(result, version)), 0),
        Answer::WrongVersion(version) => (succeed(verb, &config, version), 0),
        Answer::Raw(text) => (text.clone().into(), 0),
        Answer::Error(error) => (document(&error_object(error, version)), 1),
        Answer::Garbage => (b"{\"cniVersion\": \xff\xfe<html>?\x00".to_vec(), 0),
        Answer::TwoDocuments => (succeed("ADD", &config, version).repeat(2), 0),
        Answer::Succeed => (succeed(verb, &config, version), 0),
        // The others print nothing.
        _ => (Vec::new(), 0),
    }
}

fn succeed(verb: &str, config: &Value, version: &str) -> Vec<u8> {
    match (verb, config.get("prevResult")) {
        ("ADD", Some(previous)) => {
            let mut result = previous.clone();
            result["cniVersion"] = version.into();
            document(&result)
        }
        ("ADD", None) => document(&in_version(&json!({}), version)),
        ("VERSION", _) => {
            document(&json!({ "cniVersion": version, "supportedVersions": VERSIONS }))
        }
        _ => Vec::new(),
    }
}

fn document(value: &Value) -> Vec<u8> {
    format!("{value}\n").into()
}

fn error_object(error: &ErrorAnswer, version: &str) -> Value {
    let mut object = json!({ "cniVersion": version, "code": error.code, "msg": error.msg });
    if !error.details.is_empty() {
        object["details"] = error.details.clone().into();
    }
    object
}

/// Converts a result of 1.x to `version`; one that has a `cniVersion` is unchanged.
fn in_version(result: &Value, version: &str) -> Value {
    let Value::Object(result) = result else { return result.clone() };
    if result.contains_key("cniVersion") {
        return Value::Object(result.clone());
    }
    let mut other = Map::new();
    other.insert("cniVersion".to_owned(), version.into());
    match version {
        "0.1.0" | "0.2.0" => other.extend(by_family(result)),
        "0.3.0" | "0.3.1" | "0.4.0" => {
            other.extend(result.clone());
            for ip in other.get_mut("ips").and_then(Value::as_array_mut).into_iter().flatten() {
                ip["version"] = if is_v6(&ip["address"]) { "6" } else { "4" }.into();
            }
        }
        _ => other.extend(result.clone()),
    }
    Value::Object(other)
}

/// Returns `ip4`, `ip6` and `dns`: the first address of each family, with its routes.
fn by_family(result: &Map<String, Value>) -> Map<String, Value> {
    let list = |key: &str| result.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut other = Map::new();
    for (key, v6) in [("ip4", false), ("ip6", true)] {
        let Some(ip) = list("ips").into_iter().find(|ip| is_v6(&ip["address"]) == v6) else {
            continue;
        };
        let mut member = json!({ "ip": ip["address"] });
        if let Some(gateway) = ip.get("gateway") {
            member["gateway"] = gateway.clone();
        }
        let routes: Vec<_> =
            list("routes").into_iter().filter(|route| is_v6(&route["dst"]) == v6).collect();
        if !routes.is_empty() {
            member["routes"] = routes.into();
        }
        other.insert(key.to_owned(), member);
    }
    other.extend(result.get("dns").map(|dns| ("dns".to_owned(), dns.clone())));
    other
}

fn is_v6(address: &Value) -> bool {
    address.as_str().is_some_and(|address| address.contains(':'))
}
