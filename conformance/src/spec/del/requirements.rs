//! Requirements: DEL.

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(Execution, [
        "del.undoes-add",
        "DEL-01",
        "DEL undoes everything that ADD did: links, addresses, routes, rules, settings, files and \
         processes are as they were before ADD.",
    ])
    .on(&[Del]),
    stated(Execution, [
        "del.twice-succeeds",
        "DEL-02",
        "A second and a third DEL of an attachment succeed.",
    ])
    .on(&[Del]),
    stated(Execution, [
        "del.without-add-succeeds",
        "DEL-03",
        "DEL of an attachment that was never added succeeds.",
    ])
    .on(&[Del]),
    stated(Execution, [
        "del.without-netns-cleans",
        "DEL-04",
        "DEL succeeds and cleans up the host when the network namespace no longer exists, and \
         when CNI_NETNS is empty or unset.",
    ])
    .on(&[Del]),
    stated(Execution, [
        "del.without-prev-result-cleans",
        "DEL-05",
        "DEL succeeds and cleans up without a `prevResult`, and with an empty one.",
    ])
    .since(V0_4_0)
    .on(&[Del]),
    stated(Execution, [
        "del.without-interface-succeeds",
        "DEL-06",
        "DEL succeeds when the interface in the container no longer exists.",
    ])
    .on(&[Del])
    .only(&[Interface, Chained, Wrapper]),
    convention(Practice, [
        "del.prints-nothing",
        "DEL-07",
        "DEL prints nothing on stdout when it succeeds.",
    ])
    .on(&[Del]),
    stated(Runtime, [
        "del.without-runtime-config-cleans",
        "DEL-08",
        "DEL cleans up without `runtimeConfig`: libcni caches the values, but DEL gets only those \
         that the runtime supplies again.",
    ])
    .since(V0_3_0)
    .on(&[Del])
    .only(&[Interface, Chained, Wrapper]),
    stricter(Runtime, [
        "del.cleans-after-config-changed",
        "DEL-09",
        "DEL cleans up even if the plugin's own options in the configuration have changed since \
         ADD.",
    ])
    .on(&[Del]),
    stated(Runtime, [
        "del.touches-only-its-own",
        "DEL-10",
        "DEL leaves other attachments unchanged, such as those of the same container on \
         another network, or of a container whose id begins with this container's id.",
    ])
    .on(&[Del]),
    // The specification: plugins "should generally complete" a DEL even if something is missing.
    stated(Execution, [
        "del.cleans-although-delegate-fails",
        "DEL-11",
        "When its delegate fails, DEL still removes what the plugin itself created, and reports \
         the delegate's error.",
    ])
    .on(&[Del])
    .only(&[Interface, Wrapper]),
    stated(Execution, [
        "del.after-flush-succeeds",
        "DEL-12",
        "DEL succeeds after all firewall rules have been flushed.",
    ])
    .on(&[Del]),
    stricter(Practice, [
        "del.at-the-same-time-succeeds",
        "DEL-13",
        "Two concurrent DELs of one attachment both succeed.",
    ])
    .on(&[Del]),
    stated(Runtime, [
        "del.after-failed-add-succeeds",
        "DEL-14",
        "DEL after a failed ADD succeeds.",
    ])
    .on(&[Del]),
];
