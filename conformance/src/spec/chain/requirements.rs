//! Requirements: chained plugins and `prevResult` (CHN).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(
        Results,
        [
            "chain.passes-prev-result",
            "CHN-01",
            "A chained plugin that changes nothing returns a result equivalent to `prevResult`.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Chained]),
    stated(
        Results,
        [
            "chain.changes-only-what-it-means-to",
            "CHN-02",
            "The result differs from `prevResult` only in what the plugin is meant to change.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Chained]),
    stated(
        Results,
        [
            "chain.loses-nothing",
            "CHN-03",
            "Nothing in `prevResult` is lost: other interfaces, addresses, routes with all their \
         keys, `dns` and unknown keys are kept.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Chained]),
    convention(
        Practice,
        [
            "chain.prev-result-without-version",
            "CHN-04",
            "A `prevResult` without `cniVersion` has the version of the configuration.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add, Check, Del])
    .only(&[Chained]),
    stricter(
        Practice,
        [
            "chain.prev-result-of-other-version",
            "CHN-05",
            "A plugin accepts a `prevResult` in another version of the same result format, and DEL \
         succeeds with one in any format.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add, Del])
    .only(&[Chained]),
    convention(
        Practice,
        [
            "chain.needs-prev-result",
            "CHN-06",
            "ADD and CHECK of a plugin that only works chained fail with an error, not a crash, \
         without a usable `prevResult`.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add, Check])
    .only(&[Chained]),
    convention(
        Practice,
        [
            "chain.several-interfaces-and-addresses",
            "CHN-07",
            "With several interfaces and addresses of both families in `prevResult`, a plugin uses \
         the addresses of CNI_IFNAME.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Chained]),
    convention(
        Conventions,
        [
            "chain.any-kind-of-interface",
            "CHN-08",
            "A chained plugin works with any kind of interface that the previous plugin created.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Chained]),
];
