//! Lifecycles without failures.

use super::definition::Lifecycle;
use super::testbed::Testbed;
use crate::runtime::kind::RuntimeKind;
use crate::severity::Severity;
use crate::verdict::CaseResult;

pub(super) const LIFECYCLES: &[Lifecycle] = &[
    Lifecycle {
        name: "plain",
        does: "ADD, CHECK, DEL",
        runtimes: &RuntimeKind::ALL,
        severity: Severity::Must,
        run: plain,
    },
    Lifecycle {
        name: "add-after-del",
        does: "ADD, DEL, then the same again",
        runtimes: &RuntimeKind::ALL,
        severity: Severity::Must,
        run: add_after_del,
    },
    Lifecycle {
        name: "repeated-del",
        does: "ADD, DEL, DEL (the runtime missed the end of the first one), DEL",
        runtimes: &RuntimeKind::ALL,
        severity: Severity::Must,
        run: repeated_del,
    },
    Lifecycle {
        name: "out-of-order",
        does: "CHECK before ADD and after DEL, which must fail",
        runtimes: &[RuntimeKind::Libcni],
        severity: Severity::Must,
        run: out_of_order,
    },
];

fn plain(testbed: &Testbed) -> CaseResult {
    let container = testbed.container("undone");
    testbed.add(&container)?;
    testbed.check(&container)?;
    testbed.del(&container, "")
}

fn add_after_del(testbed: &Testbed) -> CaseResult {
    let container = testbed.container("again");
    testbed.add(&container)?;
    testbed.del(&container, "")?;
    testbed.add(&container)?;
    testbed.check(&container)?;
    testbed.del(&container, ", the second time")
}

fn repeated_del(testbed: &Testbed) -> CaseResult {
    let container = testbed.container("twice");
    testbed.add(&container)?;
    match testbed.setup().kind() {
        RuntimeKind::Libcni => {
            testbed.del(&container, "")?;
            testbed.del(&container, ", a second time")?;
            testbed.del(&container, ", a third time")
        }
        RuntimeKind::Mesos => {
            let id = container.id.as_str();
            testbed.agent("DEL of twice, then the agent dies", |agent| agent.detach(id))?;
            testbed.agent("DEL of twice, then the agent dies again", |agent| agent.detach(id))?;
            testbed.agent("the agent recovers: DEL of twice, a third time", |agent| {
                agent.recover(&[])
            })?;
            Ok(())
        }
    }
}

fn out_of_order(testbed: &Testbed) -> CaseResult {
    if !testbed.has_check() {
        return Err(crate::verdict::Stop::skip("this version has no CHECK"));
    }
    let container = testbed.container("early");
    testbed.check_fails(&container, " before its ADD")?;
    testbed.add(&container)?;
    testbed.check(&container)?;
    testbed.del(&container, "")?;
    testbed.check_fails(&container, " after its DEL")
}
