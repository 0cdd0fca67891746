//! Where a container's network namespace is seen from here.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::claim::Claim;
use crate::liveness::Liveness;
use crate::ownership::Recorded;

/// Where it is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Whereabouts {
    /// At its path.
    AtPath,
    /// Its path may lead to it where the container was started, and does not here.
    Unseen,
    /// Not at its path any more, but this process is in a namespace with its number.
    InProcess(u32),
    /// It is not mounted at its path any more, which still exists.
    Unmounted,
    /// It no longer exists.
    Gone,
}

impl Whereabouts {
    /// Looks for it: at its path, then in all processes.
    pub(super) fn of(recorded: &Recorded) -> Self {
        let claim = &recorded.claim;
        match recorded.liveness {
            Liveness::Alive => Self::AtPath,
            Liveness::Unseen => Self::Unseen,
            Liveness::Gone => match process_in(claim) {
                Some(process) => Self::InProcess(process),
                None if is_of_this_boot(claim) && is_file(&claim.netns) => Self::Unmounted,
                None => Self::Gone,
            },
        }
    }

    /// Returns a path to the namespace of a claim.
    pub(super) fn path(&self, claim: &Claim) -> String {
        match self {
            Self::InProcess(process) => format!("/proc/{process}/ns/net"),
            _ => claim.netns.clone(),
        }
    }
}

fn is_of_this_boot(claim: &Claim) -> bool {
    let now = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    claim.namespace.as_ref().is_some_and(|recorded| recorded.boot_id == now.trim())
}

/// Reports whether a path is a regular file, as one from which a namespace was unmounted.
fn is_file(path: &str) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_file())
}

fn process_in(claim: &Claim) -> Option<u32> {
    let recorded = claim.namespace.as_ref().filter(|_| is_of_this_boot(claim))?;
    let is_in = |process: &u32| {
        let found = fs::metadata(format!("/proc/{process}/ns/net"));
        found.is_ok_and(|found| {
            (found.dev(), found.ino()) == (recorded.file.device, recorded.file.inode)
        })
    };
    let names = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.file_name());
    names.filter_map(|name| name.to_str()?.parse().ok()).find(is_in)
}
