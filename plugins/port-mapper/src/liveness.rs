//! Whether the container of a claim still exists.

pub use cni_wrapper::Liveness;

use crate::claim::Claim;

impl Claim {
    /// Looks for the network namespace of the container.
    pub fn liveness(&self) -> Liveness {
        Liveness::of(&self.netns, self.namespace.as_ref())
    }
}
