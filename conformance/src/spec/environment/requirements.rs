//! The variables of a call (ENV).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    must(Execution, [
        "environment.add-needs-its-variables",
        "ENV-01",
        "ADD without CNI_CONTAINERID, CNI_NETNS or CNI_IFNAME is an error.",
    ])
    .on(&[Add]),
    must(Execution, [
        "environment.del-needs-its-variables",
        "ENV-02",
        "DEL without CNI_CONTAINERID or CNI_IFNAME is an error with code 4; CNI_NETNS is optional.",
    ])
    .on(&[Del]),
    must(Execution, [
        "environment.check-needs-its-variables",
        "ENV-03",
        "CHECK without CNI_CONTAINERID, CNI_NETNS or CNI_IFNAME is an error.",
    ])
    .since(V0_4_0)
    .on(&[Check]),
    stricter(Execution, [
        "environment.path-is-optional",
        "ENV-04",
        "CNI_PATH is optional for every verb but GC.",
    ])
    .on(&[Add, Del, Check, Status])
    .only(&[Interface, Chained, Ipam]),
    must(Execution, [
        "environment.gc-needs-only-path",
        "ENV-05",
        "GC works with CNI_COMMAND and CNI_PATH alone, and with the other variables present but empty.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    must(Execution, [
        "environment.status-needs-nothing",
        "ENV-06",
        "STATUS works with CNI_COMMAND and CNI_PATH alone, and with the other variables present but empty.",
    ])
    .since(V1_1_0)
    .on(&[Status]),
    must(Execution, [
        "environment.version-needs-only-command",
        "ENV-07",
        "VERSION needs CNI_COMMAND only, and works with empty stdin and with dummy variables.",
    ])
    .since(V0_2_0)
    .on(&[Version]),
    convention(Execution, [
        "environment.unknown-command-is-refused",
        "ENV-08",
        "A command that is unknown, or known but in lower case, is an error.",
    ]),
    convention(Practice, [
        "environment.no-command-does-nothing",
        "ENV-09",
        "Without CNI_COMMAND a plugin prints no result; what it does besides is its own affair.",
    ]),
    must(Execution, [
        "environment.bad-container-id-is-refused",
        "ENV-10",
        "A container id is not empty, starts with a letter or digit, then come letters, digits, `.`, `_`, `-`.",
    ])
    .since(V1_0_0)
    .on(&[Add, Del, Check]),
    stricter(Practice, [
        "environment.long-ids-do-not-collide",
        "ENV-11",
        "Container ids of 64 and more characters work, and two that differ only at their end don't collide.",
    ])
    .on(&[Add, Del]),
    must(Execution, [
        "environment.bad-ifname-is-refused",
        "ENV-12",
        "An interface name that Linux can't have is an error, one of 15 characters works.",
    ])
    .since(V0_3_0)
    .on(&[Add, Del, Check]),
    convention(Execution, [
        "environment.unknown-args-are-tolerated",
        "ENV-13",
        "Unknown keys in CNI_ARGS are tolerated, at least with IgnoreUnknown=1.",
    ])
    .on(&[Add, Del]),
    must(Execution, [
        "environment.bad-netns-is-refused",
        "ENV-14",
        "ADD into a path that does not exist, or is no network namespace, is an error.",
    ])
    .on(&[Add])
    .only(&[Interface]),
    stricter(Practice, [
        "environment.own-netns-is-refused",
        "ENV-15",
        "ADD into the plugin's own network namespace is refused before anything is done.",
    ])
    .on(&[Add])
    .only(&[Interface]),
    convention(Practice, [
        "environment.tracing-is-handed-on",
        "ENV-16",
        "TRACEPARENT, TRACESTATE and BAGGAGE are tolerated and handed on to delegates.",
    ])
    .on(&[Add]),
];
