//! The mutants of concurrent and interrupted calls.

use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant(
        "concurrency.many-containers-at-once",
        "flow/add.rs",
        "fails when another ADD is running",
    ),
    mutant(
        "concurrency.killed-add-is-cleaned",
        "flow/add.rs",
        "leaves a file behind when its ADD is killed",
    ),
];
