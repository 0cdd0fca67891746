//! All lifecycles.

use super::definition::Lifecycle;
use super::{concurrent, failures, normal};

/// Returns all lifecycles, the normal ones first.
pub fn all() -> impl Iterator<Item = &'static Lifecycle> {
    [normal::LIFECYCLES, failures::LIFECYCLES, concurrent::LIFECYCLES].into_iter().flatten()
}
