//! Requirements: CHECK (CHK).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(
        Execution,
        [
            "check.succeeds-after-add",
            "CHK-01",
            "CHECK right after ADD succeeds and prints nothing.",
        ],
    )
    .since(V0_4_0)
    .on(&[Check]),
    stated(Execution, ["check.needs-prev-result", "CHK-02", "CHECK without a `prevResult` fails."])
        .since(V0_4_0)
        .on(&[Check])
        .only(&[Interface, Chained]),
    stated(
        Execution,
        [
            "check.misses-what-was-removed",
            "CHK-03",
            "CHECK fails when an interface, address or route of `prevResult` that the plugin \
         created no longer exists.",
        ],
    )
    .since(V0_4_0)
    .on(&[Check])
    .only(&[Interface]),
    stated(
        Execution,
        [
            "check.misses-rules",
            "CHK-04",
            "CHECK fails when the plugin's firewall rules, traffic shaping or IP reservations no \
         longer exist.",
        ],
    )
    .since(V0_4_0)
    .on(&[Check]),
    stated(
        Execution,
        [
            "check.notices-wrong-state",
            "CHK-05",
            "CHECK fails when something that the plugin created was changed, not only when it \
         was removed.",
        ],
    )
    .since(V0_4_0)
    .on(&[Check])
    .only(&[Interface, Chained, Wrapper]),
    stated(
        Execution,
        [
            "check.accepts-later-changes",
            "CHK-06",
            "CHECK accepts what later plugins added, such as another address or route.",
        ],
    )
    .since(V0_4_0)
    .on(&[Check])
    .only(&[Interface, Chained, Wrapper]),
    stated(
        Delegation,
        ["check.runs-on-delegates", "CHK-07", "CHECK also runs the delegate's CHECK."],
    )
    .since(V0_4_0)
    .on(&[Check])
    .only(&[Interface, Wrapper]),
    stricter(Practice, ["check.has-no-side-effects", "CHK-08", "CHECK changes nothing."])
        .since(V0_4_0)
        .on(&[Check]),
    stated(Execution, ["check.fails-after-del", "CHK-09", "CHECK after DEL fails."])
        .since(V0_4_0)
        .on(&[Check]),
    stated(
        Delegation,
        [
            "check.hands-on-delegates-error",
            "CHK-10",
            "CHECK fails when the delegate's CHECK fails.",
        ],
    )
    .since(V0_4_0)
    .on(&[Check])
    .only(&[Interface, Wrapper]),
];
