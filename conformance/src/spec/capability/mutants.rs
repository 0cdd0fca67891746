//! The mutants of capabilities and arguments from the runtime.

use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant("capability.port-mappings-are-honoured", "rules.rs", "ignores udp mappings"),
    mutant(
        "capability.bad-values-are-refused",
        "rules.rs",
        "skips mappings with a malformed `hostIP`",
    ),
    mutant(
        "capability.absence-is-no-error",
        "call.rs",
        "fails on ADD when `runtimeConfig` is empty",
    ),
    mutant(
        "capability.unknown-args-are-ignored",
        "call.rs",
        "fails when `args.cni` has an unknown key",
    ),
];
