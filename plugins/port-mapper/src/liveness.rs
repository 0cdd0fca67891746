//! Whether an attachment still exists, judged by its network namespace.

use std::fs;
use std::path::Path;

use crate::claim::Claim;

/// Magic number of the file system that network namespaces are files of (`NSFS_MAGIC`).
const NSFS: i64 = 0x6e73_6673;

/// Reports whether the attachment may still have traffic: its network namespace exists or is
/// unknown.
///
/// An attachment counts as live unless the opposite is proven.
pub fn is_live(claim: &Claim) -> bool {
    claim.netns.is_empty() || is_namespace(Path::new(&claim.netns))
}

/// Reports whether the path is a namespace. After unmounting it, the path is still there as a
/// regular file.
fn is_namespace(path: &Path) -> bool {
    match rustix::fs::statfs(path) {
        #[allow(
            clippy::cast_lossless,
            clippy::unnecessary_cast,
            reason = "the type of the field differs between architectures"
        )]
        Ok(stat) => stat.f_type as i64 == NSFS,
        // Without permission to look, the namespace may exist.
        Err(_) => fs::exists(path).unwrap_or(true),
    }
}
