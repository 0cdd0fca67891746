//! What GC does (GC).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    must(Execution, [
        "gc.succeeds-silently",
        "GC-01",
        "GC with nothing to do ends with exit status 0 and prints nothing.",
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
        "GC leaves the attachments in the list as they are.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    must(Execution, [
        "gc.leaves-other-networks-alone",
        "GC-04",
        "GC of one network leaves the attachments of another alone.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    must(Delegation, [
        "gc.reaches-delegates",
        "GC-05",
        "GC is handed on, with the list, to the delegate.",
    ])
    .since(V1_1_0)
    .on(&[Gc])
    .only(&[Interface, Wrapper]),
    should(Execution, [
        "gc.goes-on-after-an-error",
        "GC-06",
        "GC goes on after an error, and reports it.",
    ])
    .since(V1_1_0)
    .on(&[Gc])
    .only(&[Interface, Wrapper]),
    must(Execution, [
        "gc.reads-both-keys",
        "GC-07",
        "GC reads the list under `cni.dev/valid-attachments`, and under `cni.dev/attachments`, the key of the 1.1.0 text.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    stricter(Practice, [
        "gc.without-list-removes-nothing",
        "GC-08",
        "An empty list means that nothing is valid; without a list nothing is known and nothing is removed.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    must(Runtime, [
        "gc.works-without-netns",
        "GC-09",
        "GC works for attachments whose network namespace is gone, and a later DEL succeeds.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
];
