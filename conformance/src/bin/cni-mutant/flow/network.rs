//! GC and STATUS, the verbs for a network.

use serde_json::Value;

use super::marker::{has_marker, set_marker};
use super::owned::{all, remove_own};
use crate::call::Call;
use crate::fault::Fault;
use crate::state::Owner;
use crate::{delegate, ipam};

fn valid(call: &Call) -> Option<Vec<Value>> {
    let config = call.config();
    let mut keys = vec!["cni.dev/valid-attachments", "cni.dev/attachments"];
    if call.is_mutant("gc.reads-both-keys") {
        keys.pop();
    }
    let list = keys.iter().find_map(|key| config.get(*key)?.as_array().cloned());
    let mut list =
        list.or_else(|| call.is_mutant("gc.without-list-removes-nothing").then(Vec::new))?;
    if call.is_mutant("gc.keeps-valid-attachments") {
        list.truncate(1);
    }
    Some(list)
}

pub(super) fn gc(call: &Call) -> Result<(), Fault> {
    if call.is_mutant("version.gc-and-status-need-1.1.0") && !call.at_least("1.1.0") {
        return Ok(());
    }
    if call.is_mutant("gc.goes-on-after-an-error") {
        delegate::run(call, "GC")?;
    }
    let stale = |owner: &Owner, valid: &[Value]| {
        let listed = valid.iter().any(|one| {
            one["containerID"] == owner.id.as_str() && one["ifname"] == owner.ifname.as_str()
        });
        let here =
            owner.network == call.network() || call.is_mutant("gc.leaves-other-networks-alone");
        here && !listed && !call.is_mutant("gc.removes-stale-attachments")
    };
    if let Some(valid) = valid(call) {
        for owner in all(call).iter().filter(|owner| stale(owner, &valid)) {
            if call.is_mutant("gc.works-without-netns") && owner.id == "vanished" {
                return Err(Fault::new(100, "its network namespace does not exist"));
            }
            remove_own(call, owner);
        }
    }
    delegate::run(call, "GC").map(drop)
}

pub(super) fn status(call: &Call) -> Result<(), Fault> {
    if call.is_mutant("version.gc-and-status-need-1.1.0") && !call.at_least("1.1.0") {
        return Ok(());
    }
    if has_marker("broken") {
        if call.is_mutant("status.tells-readiness") {
            return Ok(());
        }
        let code = if call.is_mutant("status.has-its-codes") { 100 } else { 50 };
        return Err(Fault::new(code, "a prerequisite is missing"));
    }
    if call.is_mutant("status.has-no-side-effects") {
        set_marker("status");
    }
    if call.profile == "ipam"
        && ipam::is_exhausted(call)
        && !call.is_mutant("status.notices-exhaustion")
    {
        return Err(Fault::new(51, "all addresses are in use"));
    }
    if call.is_mutant("status.asks-delegates") {
        return Ok(());
    }
    match delegate::run(call, "STATUS") {
        Err(_) if call.is_mutant("status.hands-on-delegates-error") => Ok(()),
        Err(fault) if fault.code == 100 => Err(Fault { code: 50, ..fault }),
        done => done.map(drop),
    }
}
