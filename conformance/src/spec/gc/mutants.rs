//! The mutants of GC.

use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant("gc.succeeds-silently", "output_mutations.rs", "prints `{}` on GC"),
    mutant("gc.removes-stale-attachments", "flow/network.rs", "removes nothing")
        .also_fails(&["gc.goes-on-after-an-error"]),
    mutant(
        "gc.keeps-valid-attachments",
        "flow/network.rs",
        "removes all valid attachments but the first",
    ),
    mutant(
        "gc.leaves-other-networks-alone",
        "flow/network.rs",
        "removes the attachments of other networks",
    ),
    mutant(
        "gc.reaches-delegates",
        "delegate.rs",
        "runs the delegate's GC without the list when only `c1` is valid",
    ),
    mutant(
        "gc.goes-on-after-an-error",
        "flow/network.rs",
        "runs the delegate first and stops at its error",
    ),
    mutant("gc.reads-both-keys", "flow/network.rs", "ignores the key `cni.dev/attachments`"),
    mutant(
        "gc.without-list-removes-nothing",
        "flow/network.rs",
        "removes everything when there is no list",
    ),
    mutant(
        "gc.works-without-netns",
        "flow/network.rs",
        "fails on the container `vanished`, whose namespace no longer exists",
    ),
];
