//! Requirements: versions of the specification (VER).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(
        Results,
        [
            "version.lists-versions",
            "VER-01",
            "VERSION prints `cniVersion` and a non-empty `supportedVersions`, with exit status 0.",
        ],
    )
    .since(V0_2_0)
    .on(&[Version]),
    stated(
        Results,
        [
            "version.repeats-input-version",
            "VER-02",
            "VERSION prints the `cniVersion` of its input.",
        ],
    )
    .since(V1_0_0)
    .on(&[Version]),
    stated(
        Results,
        [
            "version.list-is-truthful",
            "VER-03",
            "ADD accepts every version that VERSION lists, and refuses all others.",
        ],
    )
    .since(V0_2_0)
    .on(&[Version, Add]),
    stated(
        Execution,
        [
            "version.unsupported-version-is-code-1",
            "VER-04",
            "A configuration in an unsupported version is refused with code 1.",
        ],
    ),
    convention(
        Practice,
        [
            "version.missing-means-0.1.0",
            "VER-05",
            "A configuration without `cniVersion` is in version 0.1.0, and the result is too.",
        ],
    )
    .until(V0_1_0)
    .on(&[Add]),
    stricter(Execution, ["version.check-needs-0.4.0", "VER-06", "CHECK is refused below 0.4.0."])
        .until(V0_3_1)
        .on(&[Check]),
    stricter(
        Execution,
        ["version.gc-and-status-need-1.1.0", "VER-07", "GC and STATUS are refused below 1.1.0."],
    )
    .until(V1_0_0)
    .on(&[Gc, Status]),
    stricter(
        Practice,
        [
            "version.is-an-exact-string",
            "VER-08",
            "Versions are compared as exact strings, and a `cniVersion` that is a number cannot be \
         decoded (code 6).",
        ],
    ),
    stated(
        Results,
        [
            "version.result-echoes-version",
            "VER-09",
            "The result has the `cniVersion` of the request.",
        ],
    )
    .on(&[Add]),
    stated(
        Configuration,
        [
            "version.higher-minor-keeps-working",
            "VER-10",
            "A configuration that works in one version works in every higher minor version of the \
             same major version.",
        ],
    )
    .on(&[Add, Del]),
    stated(
        Results,
        [
            "version.claimed-versions-work",
            "VER-11",
            "ADD and DEL succeed in every version that VERSION lists.",
        ],
    )
    .on(&[Version, Add, Del]),
];
