//! DEL.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::marker::{exclusive, remove_marker, set_marker};
use super::owned::{all, is_known, remove_own};
use crate::call::Call;
use crate::fault::Fault;
use crate::state::Owner;
use crate::{delegate, tools};

pub(super) fn del(call: &Call) -> Result<(), Fault> {
    let owner = Owner::of(call);
    let known = is_known(call, &owner);
    refuse_to_delete(call, &owner, known)?;
    if call.is_mutant("add.failure-then-del-leaves-nothing") && !known && owner.id == "failed" {
        set_marker("tombstone");
    }
    if call.is_mutant("add.works-again-after-del") && owner.id == "again" {
        let again = format!("/run/netns/.again-{}", owner.key());
        fs::write(&again, "").unwrap_or_else(|error| panic!("{again}: {error}"));
    }
    remove_marker(&format!("half-{}", owner.key()));
    if call.is_mutant("delegate.is-deleted-last") {
        delegate::run(call, "DEL")?;
    }
    if !keeps_own(call, &owner) {
        remove_own(call, &owner);
        for other in all(call) {
            if removes_other(call, &owner, &other) {
                remove_own(call, &other);
            }
        }
    }
    let is_done = call.is_mutant("delegate.is-deleted-last")
        || (call.is_mutant("environment.del-needs-its-variables") && owner.id.is_empty());
    if is_done {
        return Ok(());
    }
    match delegate::run(call, "DEL") {
        Err(_) if call.is_mutant("del.cleans-although-delegate-fails") => Ok(()),
        done => done.map(drop),
    }
}

fn refuse_to_delete(call: &Call, owner: &Owner, known: bool) -> Result<(), Fault> {
    let id = owner.id.as_str();
    let netns = Path::new(call.netns());
    let link_is_missing = || {
        netns.exists()
            && tools::show(call.netns(), &["link", "show", "dev", &owner.ifname]).is_err()
    };
    let refused = (call.is_mutant("del.twice-succeeds") && id == "twice" && !known)
        || (call.is_mutant("del.without-add-succeeds") && id == "never")
        || (call.is_mutant("del.after-flush-succeeds") && id == "flushed")
        || (call.is_mutant("del.after-failed-add-succeeds") && id == "failed")
        || (call.is_mutant("del.with-refused-config-succeeds") && call.key("fail") == true)
        || (call.is_mutant("del.without-interface-succeeds") && id == "gone" && link_is_missing());
    if refused {
        return Err(Fault::new(100, "there is nothing to delete"));
    }
    if call.is_mutant("del.at-the-same-time-succeeds") && id == "race" {
        exclusive("del.race", 150)?;
    }
    Ok(())
}

/// Whether the mutant does not remove what it created.
fn keeps_own(call: &Call, owner: &Owner) -> bool {
    let config = call.config();
    let prev = config.get("prevResult").and_then(Value::as_object);
    (call.is_mutant("del.without-netns-cleans") && !Path::new(call.netns()).exists())
        || (call.is_mutant("del.without-prev-result-cleans")
            && owner.id == "bare"
            && prev.is_none_or(serde_json::Map::is_empty))
        || (call.is_mutant("del.without-runtime-config-cleans")
            && !config.contains_key("runtimeConfig"))
        || (call.is_mutant("del.cleans-after-config-changed") && config.contains_key("colour"))
}

fn removes_other(call: &Call, owner: &Owner, other: &Owner) -> bool {
    let same = other.network == owner.network;
    (call.is_mutant("add.interfaces-are-independent") && same && other.id == owner.id)
        || (call.is_mutant("del.touches-only-its-own")
            && same
            && owner.id == "c1"
            && other.id == "c10")
}
