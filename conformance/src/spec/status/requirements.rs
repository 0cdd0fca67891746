//! Requirements: STATUS (STA).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(
        Execution,
        [
            "status.tells-readiness",
            "STA-01",
            "STATUS succeeds when the plugin is ready, and otherwise fails.",
        ],
    )
    .since(V1_1_0)
    .on(&[Status]),
    stated(
        Delegation,
        ["status.asks-delegates", "STA-02", "STATUS also runs the delegate's STATUS."],
    )
    .since(V1_1_0)
    .on(&[Status])
    .only(&[Interface, Wrapper]),
    stated(
        Execution,
        [
            "status.has-no-side-effects",
            "STA-03",
            "STATUS changes nothing, and ADD works without a preceding STATUS.",
        ],
    )
    .since(V1_1_0)
    .on(&[Status]),
    stated(
        Execution,
        [
            "status.notices-exhaustion",
            "STA-04",
            "STATUS fails when a resource that ADD needs is exhausted.",
        ],
    )
    .since(V1_1_0)
    .on(&[Status])
    .only(&[Ipam]),
    stated(
        Execution,
        [
            "status.hands-on-delegates-error",
            "STA-05",
            "STATUS fails when a delegate that ADD needs fails or is missing.",
        ],
    )
    .since(V1_1_0)
    .on(&[Status])
    .only(&[Interface, Wrapper]),
    stated(
        Execution,
        [
            "status.has-its-codes",
            "STA-06",
            "STATUS of a plugin that is not ready fails with code 50 or 51.",
        ],
    )
    .since(V1_1_0)
    .on(&[Status]),
];
