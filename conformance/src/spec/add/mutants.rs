//! The mutants of ADD.

use crate::spec::mutant::{Mutant, mutant};

pub(crate) const MUTANTS: &[Mutant] = &[
    mutant("add.makes-the-interface", "call.rs", "creates eth0 when CNI_IFNAME is net7"),
    mutant(
        "add.refuses-existing-ifname",
        "interface.rs",
        "deletes an existing interface of the name CNI_IFNAME",
    ),
    mutant(
        "add.reports-the-container-interface",
        "output_mutations.rs",
        "reports another `sandbox` than CNI_NETNS",
    ),
    mutant(
        "add.result-agrees-with-kernel",
        "output_mutations.rs",
        "reports another MAC address than the interface has",
    ),
    mutant(
        "add.failure-then-del-leaves-nothing",
        "flow/del.rs",
        "leaves a file behind on DEL after a failed ADD",
    ),
    mutant(
        "add.failure-leaves-nothing",
        "flow/add.rs",
        "leaves a file behind on a failed ADD, which DEL removes",
    ),
    mutant(
        "add.interfaces-are-independent",
        "flow/del.rs",
        "removes all interfaces of the container on DEL of one",
    ),
    mutant(
        "add.works-again-after-del",
        "flow/add.rs, flow/del.rs",
        "refuses ADD of an attachment that was deleted before",
    ),
];
