//! Many calls at a time, and calls that are cut off (CON).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    must(
        Runtime,
        [
            "concurrency.many-containers-at-once",
            "CON-01",
            "ADDs and DELs of different containers at the same time are safe.",
        ],
    )
    .on(&[Add, Del]),
    stricter(
        Practice,
        [
            "concurrency.killed-add-is-cleaned",
            "CON-02",
            "A DEL cleans up after an ADD that was killed at any point.",
        ],
    )
    .on(&[Add, Del]),
];
