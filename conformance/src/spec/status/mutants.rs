//! The mutants of STATUS.

use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant("status.tells-readiness", "flow/network.rs", "succeeds when it is not ready"),
    mutant("status.asks-delegates", "flow/network.rs", "hides the delegate's error on STATUS"),
    mutant("status.has-no-side-effects", "flow/network.rs", "creates a file on STATUS"),
    mutant("status.notices-exhaustion", "flow/network.rs", "succeeds when no address is left"),
];
