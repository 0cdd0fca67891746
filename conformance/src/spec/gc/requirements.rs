//! Requirements: GC.

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(Execution, [
        "gc.succeeds-silently",
        "GC-01",
        "GC with nothing to do exits with status 0 and prints nothing.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    stated(Execution, [
        "gc.removes-stale-attachments",
        "GC-02",
        "GC removes the resources of attachments that are not in `cni.dev/valid-attachments`.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    stated(Execution, [
        "gc.keeps-valid-attachments",
        "GC-03",
        "GC leaves the attachments in `cni.dev/valid-attachments` unchanged.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    stated(Execution, [
        "gc.leaves-other-networks-alone",
        "GC-04",
        "GC of one network leaves the attachments of other networks unchanged.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    stated(Delegation, [
        "gc.reaches-delegates",
        "GC-05",
        "GC also runs the delegate's GC, with the list of valid attachments.",
    ])
    .since(V1_1_0)
    .on(&[Gc])
    .only(&[Interface, Wrapper]),
    stated(Execution, [
        "gc.goes-on-after-an-error",
        "GC-06",
        "GC continues after an error, and reports it.",
    ])
    .since(V1_1_0)
    .on(&[Gc])
    .only(&[Interface, Wrapper]),
    stated(Execution, [
        "gc.reads-both-keys",
        "GC-07",
        "GC reads the list of valid attachments under `cni.dev/attachments`, the key in the text \
         of 1.1.0, and under `cni.dev/valid-attachments`, the key that replaced it later; runtimes \
         send both.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    stricter(Practice, [
        "gc.without-list-removes-nothing",
        "GC-08",
        "With an empty list of valid attachments GC removes everything; without a list it removes \
         nothing.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    stated(Runtime, [
        "gc.works-without-netns",
        "GC-09",
        "GC works for attachments whose network namespace no longer exists, and a later DEL \
         succeeds.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
];
