//! Requirements: GC.

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    must(Execution, [
        "gc.succeeds-silently",
        "GC-01",
        "GC with nothing to do exits with status 0 and prints nothing.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    should(Execution, [
        "gc.removes-stale-attachments",
        "GC-02",
        "GC removes what belongs to attachments that are not in `cni.dev/valid-attachments`.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    must(Execution, [
        "gc.keeps-valid-attachments",
        "GC-03",
        "GC leaves the attachments in the list unchanged.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    must(Execution, [
        "gc.leaves-other-networks-alone",
        "GC-04",
        "GC of one network leaves the attachments of other networks alone.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    must(Delegation, [
        "gc.reaches-delegates",
        "GC-05",
        "GC runs GC on the delegate, with the list.",
    ])
    .since(V1_1_0)
    .on(&[Gc])
    .only(&[Interface, Wrapper]),
    should(Execution, [
        "gc.goes-on-after-an-error",
        "GC-06",
        "GC continues after an error, and reports it.",
    ])
    .since(V1_1_0)
    .on(&[Gc])
    .only(&[Interface, Wrapper]),
    must(Execution, [
        "gc.reads-both-keys",
        "GC-07",
        "GC reads the list under `cni.dev/valid-attachments` and under `cni.dev/attachments`, the \
         key in the text of 1.1.0.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    stricter(Practice, [
        "gc.without-list-removes-nothing",
        "GC-08",
        "GC removes everything for an empty list, and nothing when there is no list.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    must(Runtime, [
        "gc.works-without-netns",
        "GC-09",
        "GC works for attachments whose network namespace no longer exists, and a later DEL \
         succeeds.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
];
