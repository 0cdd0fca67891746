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
        "GC removes the resources of attachments that are not in `cni.dev/valid-attachments`.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    must(Execution, [
        "gc.keeps-valid-attachments",
        "GC-03",
        "GC leaves the attachments in `cni.dev/valid-attachments` unchanged.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    must(Execution, [
        "gc.leaves-other-networks-alone",
        "GC-04",
        "GC of one network leaves the attachments of other networks unchanged.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
    must(Delegation, [
        "gc.reaches-delegates",
        "GC-05",
        "GC also runs the delegate's GC, with the list of valid attachments.",
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
        "GC reads the list of valid attachments under `cni.dev/valid-attachments` and under \
         `cni.dev/attachments`, the key in the text of specification 1.1.0.",
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
    must(Runtime, [
        "gc.works-without-netns",
        "GC-09",
        "GC works for attachments whose network namespace no longer exists, and a later DEL \
         succeeds.",
    ])
    .since(V1_1_0)
    .on(&[Gc]),
];
