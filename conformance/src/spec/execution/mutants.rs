//! The mutants of execution, streams and errors.

use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant(
        "execution.exit-status-tells-failure",
        "output_mutations.rs",
        "exits with status 0 when it refuses CNI_COMMAND=NONSENSE",
    ),
    mutant(
        "execution.failure-prints-error-object",
        "output_mutations.rs",
        "prints the error code of version 8.8.8 as a string",
    ),
    mutant(
        "execution.error-goes-to-stdout",
        "output_mutations.rs",
        "prints the error object for CNI_COMMAND=NOWHERE on stderr",
    ),
    mutant(
        "execution.stdout-holds-one-document",
        "output_mutations.rs",
        "prints the error object for CNI_COMMAND=TWICE twice",
    ),
    mutant("execution.stderr-does-not-matter", "reply.rs", "fails when stderr cannot be written"),
    mutant(
        "execution.reserved-codes-keep-meaning",
        "output_mutations.rs",
        "answers CNI_COMMAND=RESERVED with the reserved code 42",
    ),
    mutant(
        "execution.error-carries-version",
        "output_mutations.rs",
        "leaves `cniVersion` out of error objects",
    ),
    mutant(
        "execution.unsupported-field-is-named",
        "call.rs",
        "refuses an unknown key with code 2 without naming it",
    ),
    mutant(
        "execution.bad-variables-are-named",
        "call.rs",
        "reports missing variables with code 4 without naming them",
    ),
    mutant(
        "execution.bad-input-has-its-code",
        "output_mutations.rs",
        "reports input that it cannot read or decode with code 100",
    ),
    mutant(
        "execution.code-11-passes",
        "flow/add.rs",
        "keeps answering code 11 after its delegate did so once",
    ),
    mutant(
        "execution.leaves-no-child-on-stdout",
        "output_mutations.rs",
        "leaves a child behind on ADD that holds stdout and stderr open",
    )
    .leaves_process("sleep 10"),
    // They set only the variables that the verb needs.
    mutant("execution.works-with-minimal-environment", "call.rs", "fails when HOME is not set")
        .also_fails(&["environment.gc-needs-only-path", "environment.status-needs-nothing"]),
    mutant("execution.reads-all-of-stdin", "call.rs", "reads at most 64 KiB of its input"),
    mutant(
        "execution.unknown-keys-are-tolerated",
        "call.rs",
        "fails when its configuration has an unknown key",
    ),
    mutant(
        "execution.full-stdout-is-a-failure",
        "reply.rs",
        "exits with status 0 when its result cannot be written",
    ),
];
