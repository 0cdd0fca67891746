//! Mutations that change the finished output.

use std::process::Command;

use serde_json::{Value, json};

use crate::call::Call;
use crate::reply::Reply;

/// Applies the mutations of the output.
pub(crate) fn apply(call: &Call, reply: &mut Reply) {
    reply.stderr = format!("mutant: {}\n", call.verb());
    mutate_streams(call, reply);
    let Ok(mut document) = serde_json::from_str::<Value>(&reply.stdout) else { return };
    let before = document.clone();
    match reply.status {
        0 if call.verb() == "ADD" => mutate_result(call, &mut document),
        0 => (),
        _ => mutate_error(call, &mut document),
    }
    if document != before {
        reply.stdout = format!("{document}\n");
    }
}

fn mutate_streams(call: &Call, reply: &mut Reply) {
    let verb = call.verb();
    if verb == "NONSENSE" && call.is_mutant("execution.exit-status-tells-failure") {
        reply.status = 0;
    }
    if verb == "NOWHERE" && call.is_mutant("execution.error-goes-to-stdout") {
        reply.stderr = std::mem::take(&mut reply.stdout);
    }
    if verb == "TWICE" && call.is_mutant("execution.stdout-holds-one-document") {
        reply.stdout = reply.stdout.repeat(2);
    }
    let prints = [
        ("DEL", "del.prints-nothing"),
        ("CHECK", "check.succeeds-after-add"),
        ("GC", "gc.succeeds-silently"),
    ];
    if reply.status == 0 && prints.iter().any(|(when, id)| verb == *when && call.is_mutant(id)) {
        reply.stdout = "{}\n".to_owned();
    }
    if verb == "ADD" && call.is_mutant("execution.leaves-no-child-on-stdout") {
        // It inherits stdout and stderr, and is left running on purpose.
        let child = Command::new("sleep").arg("10").stdin(std::process::Stdio::null()).spawn();
        std::mem::forget(child);
    }
}

fn mutate_error(call: &Call, error: &mut Value) {
    if call.is_mutant("execution.failure-prints-error-object") && call.version == "8.8.8" {
        error["code"] = "1".into();
    }
    if call.is_mutant("execution.reserved-codes-keep-meaning") && call.verb() == "RESERVED" {
        error["code"] = 42.into();
    }
    if call.is_mutant("execution.error-carries-version") {
        error.as_object_mut().map(|error| error.shift_remove("cniVersion"));
    }
    if call.is_mutant("execution.bad-input-has-its-code") && call.input.is_err() {
        error["code"] = 100.into();
    }
}

fn mutate_result(call: &Call, result: &mut Value) {
    let is_mutant = |id: &str| call.is_mutant(id);
    let extra = json!({ "dst": "198.18.0.0/15" });
    let has_runtime_config = call.config().contains_key("runtimeConfig");
    let adds_route = match has_runtime_config {
        true => is_mutant("chain.changes-only-what-it-means-to"),
        false => is_mutant("chain.passes-prev-result"),
    };
    if adds_route {
        push(result, "routes", extra);
    }
    if is_mutant("chain.loses-nothing") {
        let dns = result.get_mut("dns").and_then(Value::as_object_mut);
        dns.map(|dns| dns.shift_remove("search"));
    }
    if is_mutant("version.result-echoes-version") {
        let other = if call.version == "1.0.0" { "1.1.0" } else { "1.0.0" };
        result["cniVersion"] = other.into();
    }
    if is_mutant("add.reports-the-container-interface")
        && let Some(interface) = item(result, "interfaces", 1)
    {
        interface["sandbox"] = "/proc/1/ns/net".into();
    }
    if is_mutant("add.result-agrees-with-kernel")
        && let Some(interface) = item(result, "interfaces", 0)
    {
        interface["mac"] = "02:00:00:00:00:01".into();
    }
    mutate_shape(call, result);
}

fn mutate_shape(call: &Call, result: &mut Value) {
    let is_mutant = |id: &str| call.is_mutant(id);
    let new = call.version == "1.1.0";
    if is_mutant("result.shape-0.1-0.2") || is_mutant("result.ipam-has-no-interfaces") {
        result["interfaces"] = json!([]);
    }
    if is_mutant("result.addresses-stand-in-ips")
        && let Some(ips) = result.as_object_mut().and_then(|result| result.shift_remove("ips"))
    {
        result["ip"] = ips;
    }
    if is_mutant("result.newer-keys-stay-out") {
        let mtu = if new { json!("1400") } else { json!(1400) };
        match item(result, "routes", 0) {
            Some(route) => route["mtu"] = mtu,
            None => push(result, "routes", json!({ "dst": "192.0.2.128/25", "mtu": mtu })),
        }
    }
    if is_mutant("result.addresses-are-well-formed") {
        result["dns"] = json!({ "nameservers": ["not-an-address"] });
    }
    for ip in result.get_mut("ips").and_then(Value::as_array_mut).into_iter().flatten() {
        if is_mutant("result.shape-0.3-0.4") {
            ip.as_object_mut().map(|ip| ip.shift_remove("version"));
        }
        if is_mutant("result.shape-1.0") {
            ip["version"] = "4".into();
        }
        if is_mutant("result.interface-indexes-are-in-range") {
            ip["interface"] = 7.into();
        }
    }
}

/// Returns an item of a list, which old results do not have.
fn item<'v>(result: &'v mut Value, list: &str, at: usize) -> Option<&'v mut Value> {
    result.get_mut(list)?.get_mut(at)
}

fn push(result: &mut Value, key: &str, value: Value) {
    match result.get_mut(key).and_then(Value::as_array_mut) {
        Some(list) => list.push(value),
        None => result[key] = json!([value]),
    }
}
