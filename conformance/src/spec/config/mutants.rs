//! The mutants of the network configuration.

use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant(
        "config.bad-network-name-is-refused",
        "call.rs, delegate.rs",
        "accepts the network name `a b`",
    ),
    mutant(
        "config.cni-dev-keys-are-ignored",
        "call.rs",
        "fails on an unknown key that begins with `cni.dev/`",
    ),
];
