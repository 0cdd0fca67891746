//! The mutants of versions of the specification.

use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant("version.lists-versions", "flow/mod.rs", "lists a number among its supported versions"),
    mutant(
        "version.repeats-input-version",
        "flow/mod.rs",
        "answers VERSION with 1.1.0 whatever version the input has",
    ),
    mutant(
        "version.list-is-truthful",
        "flow/mod.rs",
        "leaves 0.3.1, which it supports, out of its list",
    ),
    mutant("version.unsupported-version-is-code-1", "call.rs", "refuses version `x` with code 7"),
    mutant(
        "version.missing-means-0.1.0",
        "call.rs",
        "takes a configuration without `cniVersion` for one of 1.0.0",
    ),
    mutant("version.check-needs-0.4.0", "call.rs", "accepts CHECK below 0.4.0"),
    mutant(
        "version.gc-and-status-need-1.1.0",
        "call.rs, flow/network.rs",
        "accepts GC and STATUS below 1.1.0",
    ),
    mutant("version.is-an-exact-string", "call.rs", "ignores blanks around the version"),
    // It compares versions, too.
    mutant(
        "version.result-echoes-version",
        "output_mutations.rs",
        "returns results with another `cniVersion` than the request has",
    )
    .also_fails(&["delegate.result-is-converted"]),
    mutant(
        "version.higher-minor-keeps-working",
        "flow/check.rs",
        "fails on CHECK when `prevResult` has another version",
    ),
    mutant(
        "version.claimed-versions-work",
        "flow/add.rs",
        "fails on ADD of the container `claimed`",
    ),
];
