//! The mutants of STATUS.

use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant("status.tells-readiness", "flow/network.rs", "succeeds when it is not ready")
        .also_fails(&["status.has-its-codes"]),
    mutant("status.asks-delegates", "flow/network.rs", "does not run the delegate's STATUS")
        .also_fails(&["status.hands-on-delegates-error"]),
    mutant("status.has-no-side-effects", "flow/network.rs", "creates a file on STATUS"),
    mutant("status.notices-exhaustion", "flow/network.rs", "succeeds when no address is left"),
    mutant(
        "status.hands-on-delegates-error",
        "flow/network.rs",
        "hides the delegate's error on STATUS",
    ),
    mutant("status.has-its-codes", "flow/network.rs", "fails with code 100 when it is not ready"),
];
