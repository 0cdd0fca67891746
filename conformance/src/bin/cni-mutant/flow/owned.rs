//! Everything that belongs to an attachment.

use std::fs;

use crate::call::Call;
use crate::state::Owner;
use crate::{interface, ipam, rules};

pub(super) fn remove_own(call: &Call, owner: &Owner) {
    match call.profile.as_str() {
        "interface" => interface::remove(owner),
        // It has no state file. One of the same owner may be that of the interface plugin.
        "ipam" => return ipam::remove(owner),
        _ => rules::remove(owner),
    }
    owner.remove();
}

pub(super) fn is_known(call: &Call, owner: &Owner) -> bool {
    if call.profile == "ipam" { ipam::is_allocated(owner) } else { owner.is_stored() }
}

/// Returns all attachments of which something exists.
pub(super) fn all(call: &Call) -> Vec<Owner> {
    if call.profile == "ipam" {
        let networks = fs::read_dir("/var/lib/cni/mutant").into_iter().flatten().flatten();
        let networks = networks.filter_map(|entry| entry.file_name().into_string().ok());
        return networks
            .flat_map(|network| ipam::leases(&network))
            .map(|(_, owner)| owner)
            .collect();
    }
    Owner::all()
}
