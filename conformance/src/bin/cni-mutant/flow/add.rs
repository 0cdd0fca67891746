//! ADD.

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::marker::{exclusive, has_marker, remove_marker, set_marker};
use super::owned::remove_own;
use crate::call::Call;
use crate::fault::Fault;
use crate::state::Owner;
use crate::{chained, delegate, interface, ipam, rules};

pub(super) fn add(call: &Call) -> Result<Value, Fault> {
    let owner = Owner::of(call);
    let minimal = json!({ "cniVersion": call.version });
    let accepts_invalid = (call.is_mutant("environment.bad-container-id-is-refused")
        && owner.id == "a b")
        || (call.is_mutant("environment.bad-ifname-is-refused")
            && call.var("CNI_IFNAME").len() > 15);
    if accepts_invalid {
        return Ok(minimal);
    }
    if call.profile == "interface"
        && let Err(fault) = interface::check_netns(call)
    {
        let own = call.netns().starts_with("/proc/");
        let accepts = call.is_mutant("environment.bad-netns-is-refused") && !own;
        return if accepts { Ok(minimal) } else { Err(fault) };
    }
    if call.is_mutant("concurrency.many-containers-at-once") && owner.id.starts_with("many") {
        exclusive("many.race", 30)?;
    }
    if call.is_mutant("version.claimed-versions-work") && owner.id == "claimed" {
        return Err(Fault::new(100, "this version is not implemented"));
    }
    let again = format!("/run/netns/.again-{}", owner.key());
    if call.is_mutant("add.works-again-after-del") && Path::new(&again).exists() {
        return Err(Fault::new(100, "this attachment was deleted before"));
    }
    if call.is_mutant("execution.code-11-passes") && has_marker("busy") {
        return Err(Fault::new(11, "permanently busy"));
    }
    let added = add_all(call, &owner);
    if let Err(fault) = &added {
        undo(call, &owner);
        if call.is_mutant("add.failure-leaves-nothing") {
            set_marker(&format!("half-{}", owner.key()));
        }
        if call.is_mutant("execution.code-11-passes") && fault.code == 11 {
            set_marker("busy");
        }
    }
    added
}

fn add_all(call: &Call, owner: &Owner) -> Result<Value, Fault> {
    // First, so that malformed values leave nothing behind.
    rules::desired(call, None)?;
    if call.profile != "ipam" {
        owner.store();
    }
    if call.is_mutant("concurrency.killed-add-is-cleaned") && owner.id.starts_with("killed") {
        set_marker(&format!("journal-{}", owner.key()));
        thread::sleep(Duration::from_millis(30));
        remove_marker(&format!("journal-{}", owner.key()));
    }
    let result = match call.profile.as_str() {
        "interface" => {
            let addresses = delegate::run(call, "ADD")?;
            interface::add(call, owner, &addresses)?
        }
        "chained" => chained::add(call)?,
        "wrapper" => delegate::run(call, "ADD")?,
        _ => ipam::add(call, owner)?,
    };
    if matches!(call.profile.as_str(), "chained" | "wrapper") {
        let address = chained::address(call, &result);
        rules::install(owner, &rules::desired(call, address.as_deref())?)?;
    }
    if call.key("fail") == true {
        return Err(Fault::new(102, "fails as requested (`fail`)"));
    }
    if call.is_mutant("del.undoes-add") && owner.id == "undone" {
        set_marker(&format!("leak-{}", owner.key()));
    }
    Ok(in_version(call, result))
}

/// Converts a delegate's result to the version of the call.
fn in_version(call: &Call, mut result: Value) -> Value {
    if call.profile != "wrapper" || result["cniVersion"] == call.version.as_str() {
        return result;
    }
    let (ips, routes) = crate::shape::read(&result);
    let interfaces = result.get_mut("interfaces").map(Value::take).unwrap_or_default();
    crate::shape::result(call, interfaces, &ips, &routes)
}

/// Undoes a failed ADD.
fn undo(call: &Call, owner: &Owner) {
    remove_own(call, owner);
    let failed_itself = call.key("fail") == true;
    let kept = match failed_itself {
        true => call.is_mutant("delegate.is-undone-after-own-failure"),
        false => call.is_mutant("delegate.failed-add-is-deleted"),
    };
    if delegate::exists(call) && !kept {
        // The first error is returned.
        let _ = delegate::run(call, "DEL");
    }
}
