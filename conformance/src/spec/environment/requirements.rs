//! Requirements: the environment variables of a call (ENV).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(Execution, [
        "environment.add-needs-its-variables",
        "ENV-01",
        "ADD without CNI_NETNS or CNI_IFNAME fails; from 0.4.0 also without CNI_CONTAINERID.",
    ])
    .on(&[Add]),
    stated(Execution, [
        "environment.del-needs-its-variables",
        "ENV-02",
        "DEL without CNI_IFNAME fails, and from 0.4.0 without CNI_CONTAINERID, from 1.0.0 with \
         code 4; CNI_NETNS is optional.",
    ])
    .on(&[Del]),
    stated(Execution, [
        "environment.check-needs-its-variables",
        "ENV-03",
        "CHECK without CNI_CONTAINERID, CNI_NETNS or CNI_IFNAME fails.",
    ])
    .since(V0_4_0)
    .on(&[Check]),
    stricter(Execution, [
        "environment.path-is-optional",
        "ENV-04",
        "CNI_PATH is optional for every verb except GC.",
    ])
    .on(&[Add, Del, Check, Status])
    .only(&[Interface, Chained, Ipam]),
    stated(Execution, [
        "environment.gc-needs-only-path",
        "ENV-05",
        "GC works with only CNI_COMMAND and CNI_PATH, and with the other variables set but empty.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    stated(Execution, [
        "environment.status-needs-nothing",
        "ENV-06",
        "STATUS works with only CNI_COMMAND and CNI_PATH, and with the other variables set but \
         empty.",
    ])
    .since(V1_1_0)
    .on(&[Status]),
    stated(Execution, [
        "environment.version-needs-only-command",
        "ENV-07",
        "VERSION requires only CNI_COMMAND, works with dummy variables, and below 1.0.0 with empty \
         stdin.",
    ])
    .since(V0_2_0)
    .on(&[Version]),
    convention(Execution, [
        "environment.unknown-command-is-refused",
        "ENV-08",
        "An unknown CNI_COMMAND is an error, and so is a known one in lower case.",
    ]),
    convention(Practice, [
        "environment.no-command-does-nothing",
        "ENV-09",
        "Without CNI_COMMAND, a plugin prints no result; anything else is unspecified.",
    ]),
    stated(Execution, [
        "environment.bad-container-id-is-refused",
        "ENV-10",
        "A container id starts with a letter or digit, followed by letters, digits, `.`, `_` and \
         `-`; anything else is an error.",
    ])
    .since(V1_0_0)
    .on(&[Add]),
    stricter(Practice, [
        "environment.long-ids-do-not-collide",
        "ENV-11",
        "Container ids of 64 and more characters work, and ids that differ only at the end do not \
         collide.",
    ])
    .on(&[Add, Del]),
    stated(Execution, [
        "environment.bad-ifname-is-refused",
        "ENV-12",
        "An interface name that Linux does not allow is an error; a name of 15 characters works.",
    ])
    .since(V0_3_0)
    .on(&[Add]),
    convention(Execution, [
        "environment.unknown-args-are-tolerated",
        "ENV-13",
        "Unknown keys in CNI_ARGS are tolerated, at least with IgnoreUnknown=1.",
    ])
    .on(&[Add, Del]),
    stated(Execution, [
        "environment.bad-netns-is-refused",
        "ENV-14",
        "ADD fails when CNI_NETNS does not exist or is not a network namespace.",
    ])
    .on(&[Add])
    .only(&[Interface]),
    stricter(Practice, [
        "environment.own-netns-is-refused",
        "ENV-15",
        "ADD into the plugin's own network namespace is refused before anything is changed.",
    ])
    .on(&[Add])
    .only(&[Interface]),
    convention(Practice, [
        "environment.tracing-is-handed-on",
        "ENV-16",
        "TRACEPARENT, TRACESTATE and BAGGAGE are tolerated and passed to delegates.",
    ])
    .on(&[Add]),
];
