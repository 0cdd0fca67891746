//! ADD.

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use super::marker::{alone, is_left, leave, take_away};
use super::owned::remove_own;
use crate::call::Call;
use crate::fault::Fault;
use crate::state::Owner;
use crate::{chained, delegate, interface, ipam, rules};

pub(super) fn add(call: &Call) -> Result<Value, Fault> {
    let owner = Owner::of(call);
    let made_up = json!({ "cniVersion": call.version });
    let odd = (call.is_mutant("environment.bad-container-id-is-refused") && owner.id == "a b")
        || (call.is_mutant("environment.bad-ifname-is-refused")
            && call.var("CNI_IFNAME").len() > 15);
    if odd {
        return Ok(made_up);
    }
    if call.profile == "interface"
        && let Err(fault) = interface::check_netns(call)
    {
        let own = call.netns().starts_with("/proc/");
        let sinful = call.is_mutant("environment.bad-netns-is-refused") && !own;
        return if sinful { Ok(made_up) } else { Err(fault) };
    }
    if call.is_mutant("concurrency.many-containers-at-once") && owner.id.starts_with("many") {
        alone("many.race", 30)?;
    }
    let again = format!("/run/netns/.again-{}", owner.key());
    if call.is_mutant("add.works-again-after-del") && Path::new(&again).exists() {
        return Err(Fault::new(100, "never again"));
    }
    if call.is_mutant("execution.code-11-passes") && is_left("busy") {
        return Err(Fault::new(11, "busy for ever"));
    }
    let added = add_all(call, &owner);
    if let Err(fault) = &added {
        undo(call, &owner);
        if call.is_mutant("add.failure-leaves-nothing") {
            leave(&format!("half-{}", owner.key()));
        }
        if call.is_mutant("execution.code-11-passes") && fault.code == 11 {
            leave("busy");
        }
    }
    added
}

fn add_all(call: &Call, owner: &Owner) -> Result<Value, Fault> {
    // Before anything else is done: bad values must not leave anything.
    rules::wanted(call, None)?;
    if call.profile != "ipam" {
        owner.remember();
    }
    if call.is_mutant("concurrency.killed-add-is-cleaned") && owner.id.starts_with("killed") {
        leave(&format!("journal-{}", owner.key()));
        thread::sleep(Duration::from_millis(30));
        take_away(&format!("journal-{}", owner.key()));
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
        rules::install(owner, &rules::wanted(call, address.as_deref())?)?;
    }
    if call.key("fail") == true {
        return Err(Fault::new(102, "a failure on request (`fail`)"));
    }
    if call.is_mutant("del.undoes-add") && owner.id == "undone" {
        leave(&format!("leak-{}", owner.key()));
    }
    Ok(in_version(call, result))
}

/// A delegate's result, in the version that was asked for.
fn in_version(call: &Call, mut result: Value) -> Value {
    if call.profile != "wrapper" || result["cniVersion"] == call.version.as_str() {
        return result;
    }
    let (ips, routes) = crate::shape::read(&result);
    let interfaces = result.get_mut("interfaces").map(Value::take).unwrap_or_default();
    crate::shape::result(call, interfaces, &ips, &routes)
}

/// After an ADD that failed.
fn undo(call: &Call, owner: &Owner) {
    remove_own(call, owner);
    let failed_itself = call.key("fail") == true;
    let kept = match failed_itself {
        true => call.is_mutant("delegate.is-undone-after-own-failure"),
        false => call.is_mutant("delegate.failed-add-is-deleted"),
    };
    if delegate::is_there(call) && !kept {
        // The first error counts.
        let _ = delegate::run(call, "DEL");
    }
}
