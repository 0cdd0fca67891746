//! Lifecycles in which the runtime, a container or another plugin fails.

use super::definition::Lifecycle;
use super::testbed::Testbed;
use crate::runtime::kind::RuntimeKind;
use crate::severity::Severity;
use crate::verdict::{CaseResult, Stop};
use cni_protocol::SpecVersion;

pub(super) const LIFECYCLES: &[Lifecycle] = &[
    Lifecycle {
        name: "del-without-add",
        does: "DEL of a container that was never added (the runtime died before)",
        runtimes: &RuntimeKind::ALL,
        severity: Severity::Must,
        run: del_without_add,
    },
    Lifecycle {
        name: "failed-add",
        does: "a failed ADD, then DEL",
        runtimes: &RuntimeKind::ALL,
        severity: Severity::Must,
        run: failed_add,
    },
    Lifecycle {
        name: "container-gone",
        does: "ADD, the namespace is removed, DEL",
        runtimes: &RuntimeKind::ALL,
        severity: Severity::Must,
        run: container_gone,
    },
    Lifecycle {
        name: "restart",
        does: "ADD, the runtime restarts and recovers its state, CHECK, DEL",
        runtimes: &RuntimeKind::ALL,
        severity: Severity::Must,
        run: restart,
    },
    Lifecycle {
        name: "restart-without-cache",
        does: "ADD, the runtime restarts and its cache is lost, DEL without prevResult",
        runtimes: &[RuntimeKind::Libcni],
        severity: Severity::Must,
        run: restart_without_cache,
    },
    Lifecycle {
        name: "gc-lost-containers",
        does: "ADD of three, two lose their namespace, GC with the third as valid: libcni runs DEL",
        runtimes: &[RuntimeKind::Libcni],
        severity: Severity::Must,
        run: gc_lost_containers,
    },
    Lifecycle {
        name: "gc-lost-cache",
        does: "the same with the cache lost: only the plugins can clean up",
        runtimes: &[RuntimeKind::Libcni],
        severity: Severity::Must,
        run: gc_lost_cache,
    },
];

fn del_without_add(testbed: &Testbed) -> CaseResult {
    let container = testbed.container("never");
    match testbed.setup().kind() {
        RuntimeKind::Libcni => testbed.del(&container, ", which was never added"),
        RuntimeKind::Mesos => {
            let join = testbed.join(&container);
            testbed.agent("the agent dies before the ADD of never", |agent| {
                agent.prepare(&container.id, "eth0", &join)
            })?;
            testbed.agent("the agent recovers: DEL of never", |agent| agent.recover(&[]))?;
            Ok(())
        }
    }
}

fn failed_add(testbed: &Testbed) -> CaseResult {
    let container = testbed.container("failed");
    testbed.failing_add(&container)?;
    testbed.del_after_failure(&container)
}

fn container_gone(testbed: &Testbed) -> CaseResult {
    let container = testbed.container("gone");
    testbed.add(&container)?;
    testbed.lose_container(&container);
    match testbed.setup().kind() {
        RuntimeKind::Libcni => testbed.del(&container, ", whose namespace was removed"),
        RuntimeKind::Mesos => {
            let what = "the agent recovers: DEL of gone, without CNI_NETNS";
            testbed.agent(what, |agent| agent.recover(&[])).map(drop)
        }
    }
}

fn restart(testbed: &Testbed) -> CaseResult {
    let container = testbed.container("undone");
    testbed.add(&container)?;
    if testbed.setup().kind() == RuntimeKind::Mesos {
        let what = "the agent recovers and finds the container";
        testbed.agent(what, |agent| agent.recover(&[&container.id]))?;
    }
    testbed.check(&container)?;
    testbed.del(&container, " after a restart")
}

fn restart_without_cache(testbed: &Testbed) -> CaseResult {
    let container = testbed.container("bare");
    testbed.add(&container)?;
    testbed.lose_cache(&container)?;
    testbed.del(&container, " without prevResult")
}

fn gc_lost_containers(testbed: &Testbed) -> CaseResult {
    collect(testbed, false)
}

fn gc_lost_cache(testbed: &Testbed) -> CaseResult {
    collect(testbed, true)
}

fn collect(testbed: &Testbed, lose_cache: bool) -> CaseResult {
    if testbed.setup().version() < SpecVersion::V1_1_0 {
        return Err(Stop::skip("this version has no GC"));
    }
    let [keep, one, two] = ["keep", "vanished", "lost"].map(|id| testbed.container(id));
    testbed.add(&keep)?;
    let with_one = testbed.snapshot();
    for container in [&one, &two] {
        testbed.add(container)?;
        testbed.lose_container(container);
        if lose_cache {
            testbed.lose_cache(container)?;
        }
    }
    testbed.gc(&[&keep])?;
    testbed.expect_state(&with_one, "only the valid attachment is left")?;
    testbed.check(&keep)?;
    testbed.del(&keep, "")
}
