//! Requirements: concurrent and interrupted calls (CON).

use crate::spec::vocabulary::*;

pub(crate) const REQUIREMENTS: &[Requirement] = &[
    stated(
        Runtime,
        [
            "concurrency.many-containers-at-once",
            "CON-01",
            "Concurrent ADDs and DELs of different containers do not interfere with each other.",
        ],
    )
    .on(&[Add, Del]),
    stricter(
        Practice,
        [
            "concurrency.killed-add-is-cleaned",
            "CON-02",
            "DEL cleans up after an ADD that was killed at any point.",
        ],
    )
    .on(&[Add, Del]),
];
