//! Lifecycles with several containers at once.

use super::definition::Lifecycle;
use super::testbed::{Container, Testbed};
use crate::runtime::kind::RuntimeKind;
use crate::severity::Severity;
use crate::verdict::CaseResult;

/// The number of containers that start concurrently.
const MANY: usize = 16;

pub(super) const LIFECYCLES: &[Lifecycle] = &[
    Lifecycle {
        name: "two-at-once",
        does: "two containers with similar ids; one is deleted, the other stays unchanged",
        runtimes: &RuntimeKind::ALL,
        severity: Severity::Must,
        run: two_at_once,
    },
    Lifecycle {
        name: "many-at-once",
        does: "sixteen concurrent ADDs, then sixteen concurrent DELs",
        runtimes: &RuntimeKind::ALL,
        severity: Severity::Must,
        run: many_at_once,
    },
];

fn two_at_once(testbed: &Testbed) -> CaseResult {
    let [one, ten] = ["c1", "c10"].map(|id| testbed.container(id));
    testbed.add(&ten)?;
    let with_ten = testbed.snapshot();
    testbed.add(&one)?;
    testbed.del(&one, "")?;
    testbed.expect_state(&with_ten, "c10 is unchanged")?;
    testbed.check(&ten)?;
    testbed.del(&ten, "")
}

fn many_at_once(testbed: &Testbed) -> CaseResult {
    let containers: Vec<Container> =
        (0..MANY).map(|n| testbed.container(&format!("many{n}"))).collect();
    testbed.concurrently("ADD of sixteen concurrently", &containers, |container| {
        testbed.try_add(container).map(drop)
    })?;
    if let Some(container) = containers.first() {
        testbed.check(container)?;
    }
    testbed.concurrently("DEL of sixteen concurrently", &containers, |container| {
        testbed.try_del(container)
    })
}
