//! The mutants of DEL.

use crate::profile::Profile;
use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant(
        "del.undoes-add",
        "flow/add.rs",
        "creates a file on ADD of the container `undone` that DEL leaves behind",
    ),
    mutant(
        "del.twice-succeeds",
        "flow/del.rs",
        "fails on DEL of the container `twice` when it is not attached",
    ),
    mutant(
        "del.without-add-succeeds",
        "flow/del.rs",
        "fails on DEL of the container `never`, which was not added",
    ),
    mutant(
        "del.without-netns-cleans",
        "flow/del.rs",
        "removes nothing when the network namespace no longer exists",
    ),
    mutant(
        "del.without-prev-result-cleans",
        "flow/del.rs",
        "removes nothing of the container `bare` without `prevResult`",
    ),
    mutant(
        "del.without-interface-succeeds",
        "flow/del.rs",
        "fails when the interface of the container `gone` no longer exists",
    ),
    mutant("del.prints-nothing", "output_mutations.rs", "prints `{}` on DEL"),
    mutant(
        "del.without-runtime-config-cleans",
        "flow/del.rs",
        "removes nothing without `runtimeConfig`",
    )
    .except(&[Profile::Interface]),
    mutant(
        "del.cleans-after-config-changed",
        "flow/del.rs",
        "removes nothing when the configuration has the key `colour`",
    ),
    mutant(
        "del.touches-only-its-own",
        "flow/del.rs",
        "removes the container `c10` together with `c1`",
    ),
    mutant(
        "del.cleans-although-delegate-fails",
        "flow/del.rs",
        "hides the delegate's error on DEL",
    ),
    mutant("del.after-flush-succeeds", "flow/del.rs", "fails on DEL of the container `flushed`"),
    mutant(
        "del.at-the-same-time-succeeds",
        "flow/del.rs",
        "fails when another DEL of the container `race` is running",
    ),
    // They clean up with such a DEL.
    mutant(
        "del.after-failed-add-succeeds",
        "flow/del.rs",
        "fails on DEL of the container `failed`",
    )
    .also_fails(&["add.failure-then-del-leaves-nothing", "add.failure-leaves-nothing"]),
    mutant(
        "del.with-refused-config-succeeds",
        "flow/del.rs",
        "fails on DEL with a configuration with which its ADD fails",
    ),
];
