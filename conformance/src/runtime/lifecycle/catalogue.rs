//! All lifecycles.

use super::definition::Lifecycle;
use super::{concurrent, failures, normal, relaunch};

/// Returns all lifecycles, the normal ones first.
pub fn all() -> impl Iterator<Item = &'static Lifecycle> {
    let all =
        [normal::LIFECYCLES, failures::LIFECYCLES, concurrent::LIFECYCLES, relaunch::LIFECYCLES];
    all.into_iter().flatten()
}
