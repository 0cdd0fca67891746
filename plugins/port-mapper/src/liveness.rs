//! Is an attachment's network namespace still there?

use std::fs;
use std::path::Path;

use crate::claim::Claim;

/// Type of the file system that namespaces are handed out by (`NSFS_MAGIC`).
const NSFS: i64 = 0x6e73_6673;

/// An attachment whose namespace is gone can't have traffic any more. One whose namespace was never known counts as
/// live: what can't be proven dead is not touched.
pub fn is_live(claim: &Claim) -> bool {
    claim.netns.is_empty() || is_namespace(Path::new(&claim.netns))
}

/// A path stays behind as an ordinary file when only the mount on it is gone.
fn is_namespace(path: &Path) -> bool {
    match rustix::fs::statfs(path) {
        #[allow(
            clippy::cast_lossless,
            clippy::unnecessary_cast,
            reason = "its type differs between machines"
        )]
        Ok(stat) => stat.f_type as i64 == NSFS,
        // Not ours to see is not gone.
        Err(_) => fs::exists(path).unwrap_or(true),
    }
}
