//! What DEL does (DEL).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    must(Execution, [
        "del.undoes-add",
        "DEL-01",
        "DEL undoes all that ADD did: links, addresses, routes, rules, settings, files and processes are as before.",
    ])
    .on(&[Del]),
    must(Execution, [
        "del.twice-succeeds",
        "DEL-02",
        "A second and a third DEL of an attachment succeed.",
    ])
    .except(V0_4_0, Should)
    .on(&[Del]),
    must(Execution, [
        "del.without-add-succeeds",
        "DEL-03",
        "DEL of an attachment that was never added succeeds.",
    ])
    .on(&[Del]),
    must(Execution, [
        "del.without-netns-cleans",
        "DEL-04",
        "DEL succeeds and cleans the host when the network namespace is gone, and when CNI_NETNS is empty or absent.",
    ])
    .on(&[Del]),
    must(Execution, [
        "del.without-prev-result-cleans",
        "DEL-05",
        "DEL succeeds and cleans without a `prevResult`, and with an empty one.",
    ])
    .since(V0_4_0)
    .on(&[Del]),
    must(Execution, [
        "del.without-interface-succeeds",
        "DEL-06",
        "DEL succeeds when the interface in the container is gone already.",
    ])
    .on(&[Del])
    .only(&[Interface, Chained, Wrapper]),
    convention(Practice, [
        "del.prints-nothing",
        "DEL-07",
        "DEL prints nothing on stdout when it succeeds.",
    ])
    .on(&[Del]),
    should(Runtime, [
        "del.without-runtime-config-cleans",
        "DEL-08",
        "DEL cleans although `runtimeConfig` is missing, which libcni does not keep for it.",
    ])
    .since(V0_3_0)
    .on(&[Del])
    .only(&[Interface, Chained, Wrapper]),
    stricter(Runtime, [
        "del.cleans-after-config-changed",
        "DEL-09",
        "DEL cleans although the plugin's own options in the configuration were changed since ADD.",
    ])
    .on(&[Del]),
    must(Runtime, [
        "del.touches-only-its-own",
        "DEL-10",
        "DEL leaves other attachments alone: an id that this one is the beginning of, and the same id on another network.",
    ])
    .on(&[Del]),
    // The text: plugins "should generally complete" a DEL although something is missing.
    should(Execution, [
        "del.cleans-although-delegate-fails",
        "DEL-11",
        "A delegate that fails does not keep DEL from removing what is the plugin's own, and its error is reported.",
    ])
    .on(&[Del])
    .only(&[Interface, Wrapper]),
    must(Execution, [
        "del.after-flush-succeeds",
        "DEL-12",
        "DEL succeeds after all firewall rules were flushed.",
    ])
    .on(&[Del]),
    stricter(Practice, [
        "del.at-the-same-time-succeeds",
        "DEL-13",
        "Two DELs of one attachment at the same time both succeed.",
    ])
    .on(&[Del]),
    must(Runtime, [
        "del.after-failed-add-succeeds",
        "DEL-14",
        "DEL after an ADD that failed succeeds.",
    ])
    .on(&[Del]),
];
