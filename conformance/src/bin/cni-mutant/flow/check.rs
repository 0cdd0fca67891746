//! CHECK.

use super::marker::set_next_marker;
use super::owned::is_known;
use crate::call::Call;
use crate::fault::Fault;
use crate::state::Owner;
use crate::{chained, delegate, interface, rules, tools};

pub(super) fn check(call: &Call) -> Result<(), Fault> {
    let owner = Owner::of(call);
    if call.is_mutant("environment.check-needs-its-variables")
        && (call.netns().is_empty() || owner.ifname.is_empty())
    {
        return Ok(());
    }
    let prev = call.key("prevResult");
    let needs_prev = matches!(call.profile.as_str(), "interface" | "chained");
    if needs_prev && !prev.is_object() {
        let accepts = call.is_mutant("check.needs-prev-result") && prev.is_null();
        return if accepts { Ok(()) } else { Err(Fault::new(7, "prevResult is missing")) };
    }
    let other = prev.get("cniVersion").is_some_and(|version| version != call.version.as_str());
    if call.is_mutant("version.higher-minor-keeps-working") && other {
        return Err(Fault::new(100, "prevResult has another version"));
    }
    if !is_known(call, &owner) {
        let reservation_is_missing = call.profile == "ipam" && call.is_mutant("check.misses-rules");
        let accepts = call.is_mutant("check.fails-after-del") || reservation_is_missing;
        return if accepts {
            Ok(())
        } else {
            Err(Fault::new(103, "the attachment does not exist"))
        };
    }
    if call.is_mutant("check.has-no-side-effects") {
        set_next_marker("checked");
    }
    if call.is_mutant("check.accepts-later-changes") && has_more_addresses(call, &owner) {
        return Err(Fault::new(103, "the interface has a further address"));
    }
    match call.profile.as_str() {
        "interface" => interface::check(call, &owner, &prev)?,
        "ipam" => (),
        _ => {
            let address = chained::address(call, &prev);
            rules::check(call, &owner, &rules::desired(call, address.as_deref())?)?;
        }
    }
    if call.is_mutant("delegate.gets-every-verb") || call.is_mutant("check.runs-on-delegates") {
        return Ok(());
    }
    match delegate::run(call, "CHECK") {
        Err(_) if call.is_mutant("check.hands-on-delegates-error") => Ok(()),
        done => done.map(drop),
    }
}

fn has_more_addresses(call: &Call, owner: &Owner) -> bool {
    let shown = tools::show(call.netns(), &["-4", "address", "show", "dev", &owner.ifname]);
    let infos = shown.ok().and_then(|shown| shown.first()?["addr_info"].as_array().map(Vec::len));
    infos.is_some_and(|count| count > 1)
}
