//! Exit status, streams, errors (EXE).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    must(Execution, [
        "execution.exit-status-tells-failure",
        "EXE-01",
        "A success ends with exit status 0, a failure with another.",
    ]),
    should(Results, [
        "execution.failure-prints-error-object",
        "EXE-02",
        "A failure prints one error object: `code` is a number, `msg` a string, `details` a string if present.",
    ])
    .except(V0_4_0, Must),
    convention(Results, [
        "execution.error-goes-to-stdout",
        "EXE-03",
        "The error object goes to stdout, as section 5 and every implementation have it.",
    ]),
    convention(Results, [
        "execution.stdout-holds-one-document",
        "EXE-04",
        "Stdout holds exactly one JSON document: no banner, nothing after it, never a result and an error.",
    ]),
    convention(Results, [
        "execution.stderr-does-not-matter",
        "EXE-05",
        "Stderr is free text, and a plugin works as well when it is closed.",
    ]),
    must(Results, [
        "execution.reserved-codes-keep-meaning",
        "EXE-06",
        "Error codes up to 99 are used with their reserved meaning only; a plugin's own start at 100.",
    ]),
    should(Results, [
        "execution.error-carries-version",
        "EXE-07",
        "An error object carries the `cniVersion` of the request.",
    ]),
    must(Results, [
        "execution.unsupported-field-is-named",
        "EXE-08",
        "The text of an error with code 2 names key and value of the unsupported field.",
    ])
    .on(&[Add]),
    must(Results, [
        "execution.bad-variables-are-named",
        "EXE-09",
        "The text of an error with code 4 names the variables that are missing or bad.",
    ])
    .on(&[Add, Del, Check]),
    should(Results, [
        "execution.bad-input-has-its-code",
        "EXE-10",
        "Input that can't be read is code 5, that can't be decoded code 6, an invalid configuration code 7.",
    ]),
    must(Results, [
        "execution.code-3-leaves-nothing",
        "EXE-11",
        "An ADD that fails with code 3 left nothing that a DEL would have to remove.",
    ])
    .on(&[Add, Check])
    .untestable("a container that a plugin knows nothing of any more can't be brought about from outside: what makes a plugin response 3 is its own affair"),
    should(Results, [
        "execution.code-11-passes",
        "EXE-12",
        "Code 11 stands for a passing condition: the same call succeeds once that is over.",
    ])
    .on(&[Add, Check, Del])
    .only(&[Wrapper, Interface]),
    convention(Practice, [
        "execution.leaves-no-child-on-stdout",
        "EXE-13",
        "A plugin ends, and leaves no process behind that holds its stdout or stderr open.",
    ]),
    stricter(Practice, [
        "execution.works-with-minimal-environment",
        "EXE-14",
        "A plugin works with only CNI_* and PATH in its environment, in any working directory.",
    ]),
    stricter(Practice, [
        "execution.reads-all-of-stdin",
        "EXE-15",
        "A plugin reads its stdin to the end, also when it comes in pieces, up to 1 MiB at least.",
    ]),
    should(Configuration, [
        "execution.unknown-keys-are-tolerated",
        "EXE-16",
        "Unknown keys are accepted or refused with code 2, and the content of `args` causes no error.",
    ])
    .since(V0_2_0),
    stricter(Practice, [
        "execution.full-stdout-is-a-failure",
        "EXE-17",
        "A result that can't be written (stdout is full) is a failure, not a success.",
    ])
    .on(&[Add]),
];
