//! The mutants of chained plugins and `prevResult`.

use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant(
        "chain.passes-prev-result",
        "output_mutations.rs",
        "adds a route to `prevResult` when there is no `runtimeConfig`",
    ),
    mutant(
        "chain.changes-only-what-it-means-to",
        "output_mutations.rs",
        "adds a route to `prevResult` when there is `runtimeConfig`",
    ),
    mutant("chain.loses-nothing", "output_mutations.rs", "loses `dns.search` of `prevResult`"),
    mutant(
        "chain.prev-result-without-version",
        "chained.rs",
        "fails on a `prevResult` without `cniVersion`",
    ),
    mutant(
        "chain.prev-result-of-other-version",
        "chained.rs",
        "fails on a `prevResult` in another version",
    ),
    mutant("chain.needs-prev-result", "chained.rs", "succeeds on ADD without `prevResult`"),
    mutant(
        "chain.several-interfaces-and-addresses",
        "chained.rs",
        "uses the first address whichever interface has it",
    ),
    mutant(
        "chain.any-kind-of-interface",
        "chained.rs",
        "fails when `prevResult` has no interface on the host",
    ),
];
