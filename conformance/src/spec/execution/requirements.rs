//! Requirements: execution, streams and errors (EXE).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(Execution, [
        "execution.exit-status-tells-failure",
        "EXE-01",
        "The exit status is 0 on success and nonzero on failure.",
    ]),
    stated(Results, [
        "execution.failure-prints-error-object",
        "EXE-02",
        "A failure prints one error object: `code` is a number, `msg` a string, `details` a \
         string if present.",
    ]),
    convention(Results, [
        "execution.error-goes-to-stdout",
        "EXE-03",
        "The error object is printed on stdout, as in section 5 of the specification and in every \
         implementation.",
    ]),
    convention(Results, [
        "execution.stdout-holds-one-document",
        "EXE-04",
        "Stdout contains exactly one JSON document: nothing before it, nothing after it, never \
         both a result and an error.",
    ]),
    convention(Results, [
        "execution.stderr-does-not-matter",
        "EXE-05",
        "Stderr is free text, and a plugin works even when stderr is closed.",
    ]),
    stated(Results, [
        "execution.reserved-codes-keep-meaning",
        "EXE-06",
        "Error codes up to 99 are used only with their reserved meaning; a plugin's own codes \
         start at 100.",
    ]),
    stated(Results, [
        "execution.error-carries-version",
        "EXE-07",
        "An error object contains the `cniVersion` of the request.",
    ]),
    stated(Results, [
        "execution.unsupported-field-is-named",
        "EXE-08",
        "The message of an error with code 2 names the key and the value of the unsupported \
         field.",
    ])
    .since(V0_2_0)
    .on(&[Add]),
    stated(Results, [
        "execution.bad-variables-are-named",
        "EXE-09",
        "The message of an error with code 4 names the missing or invalid variables.",
    ])
    .since(V1_0_0)
    .on(&[Add, Del, Check]),
    stated(Results, [
        "execution.bad-input-has-its-code",
        "EXE-10",
        "Input that cannot be read fails with code 5, input that cannot be decoded with code 6, \
         and an invalid configuration with code 7.",
    ])
    .since(V1_0_0),
    stated(Results, [
        "execution.code-3-leaves-nothing",
        "EXE-11",
        "An ADD that fails with code 3 leaves nothing that a DEL would have to remove.",
    ])
    .since(V0_4_0)
    .on(&[Add, Check])
    .untestable(
        "a plugin decides whether and when it returns code 3, so the condition cannot be created \
         from outside",
    ),
    stated(Results, [
        "execution.code-11-passes",
        "EXE-12",
        "Code 11 means a transient condition: the same call succeeds once the condition is over.",
    ])
    .since(V0_4_0)
    .on(&[Add, Check, Del])
    .only(&[Wrapper, Interface]),
    convention(Practice, [
        "execution.leaves-no-child-on-stdout",
        "EXE-13",
        "A plugin leaves no process behind that holds its stdout or stderr open.",
    ]),
    stricter(Practice, [
        "execution.works-with-minimal-environment",
        "EXE-14",
        "A plugin works with only CNI_* and PATH in its environment, in any working directory.",
    ]),
    stricter(Practice, [
        "execution.reads-all-of-stdin",
        "EXE-15",
        "A plugin reads stdin to the end, up to at least 1 MiB, even when it arrives in pieces.",
    ]),
    stated(Configuration, [
        "execution.unknown-keys-are-tolerated",
        "EXE-16",
        "Unknown keys are accepted, or refused with code 2; the content of `args` never causes an \
         error.",
    ])
    .since(V0_2_0),
    stricter(Practice, [
        "execution.full-stdout-is-a-failure",
        "EXE-17",
        "An ADD whose result cannot be written, for example because stdout is full, fails.",
    ])
    .on(&[Add]),
];
