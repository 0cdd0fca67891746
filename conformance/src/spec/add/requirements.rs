//! Requirements: ADD.

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(
        Execution,
        [
            "add.makes-the-interface",
            "ADD-01",
            "After ADD, the interface CNI_IFNAME exists in CNI_NETNS.",
        ],
    )
    .on(&[Add])
    .only(&[Interface]),
    stated(
        Execution,
        [
            "add.refuses-existing-ifname",
            "ADD-02",
            "ADD fails when CNI_NETNS already has an interface named CNI_IFNAME.",
        ],
    )
    .on(&[Add])
    .only(&[Interface]),
    stated(
        Results,
        [
            "add.reports-the-container-interface",
            "ADD-03",
            "The result lists the interface CNI_IFNAME with CNI_NETNS, verbatim, as its `sandbox`; \
         host interfaces have no `sandbox`.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Interface]),
    stated(
        Results,
        [
            "add.result-agrees-with-kernel",
            "ADD-04",
            "The interfaces, MAC addresses, IP addresses and routes in the result match those in \
         the kernel.",
        ],
    )
    .since(V0_3_0)
    .on(&[Add])
    .only(&[Interface]),
    stated(
        Execution,
        [
            "add.failure-then-del-leaves-nothing",
            "ADD-05",
            "A failed ADD followed by a DEL leaves nothing behind.",
        ],
    )
    .on(&[Add, Del]),
    stricter(
        Practice,
        [
            "add.failure-leaves-nothing",
            "ADD-06",
            "A failed ADD leaves nothing behind, even without a DEL.",
        ],
    )
    .on(&[Add]),
    stated(
        Runtime,
        [
            "add.interfaces-are-independent",
            "ADD-07",
            "Two interfaces of one container are two attachments: DEL of one leaves the other \
         unchanged.",
        ],
    )
    .on(&[Add, Del]),
    stated(
        Runtime,
        [
            "add.works-again-after-del",
            "ADD-08",
            "ADD succeeds again after a DEL of the same attachment.",
        ],
    )
    .on(&[Add, Del]),
];
