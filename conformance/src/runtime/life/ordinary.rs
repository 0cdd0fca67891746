//! What happens to every container.

use super::{Life, Scene};
use crate::judgement::Judgement;
use crate::requirements::Severity;
use crate::runtime::Kind;

pub(super) const LIVES: &[Life] = &[
    Life {
        name: "plain",
        does: "ADD, CHECK, DEL",
        runtimes: &Kind::ALL,
        severity: Severity::Must,
        run: plain,
    },
    Life {
        name: "add-after-del",
        does: "ADD, DEL, and the same container again",
        runtimes: &Kind::ALL,
        severity: Severity::Must,
        run: add_after_del,
    },
    Life {
        name: "repeated-del",
        does: "ADD, DEL, DEL (the runtime did not see the first one's end), DEL",
        runtimes: &Kind::ALL,
        severity: Severity::Must,
        run: repeated_del,
    },
    Life {
        name: "out-of-order",
        does: "CHECK before ADD and after DEL, which has to fail",
        runtimes: &[Kind::Libcni],
        severity: Severity::Must,
        run: out_of_order,
    },
];

fn plain(scene: &Scene) -> Judgement {
    let guest = scene.guest("undone");
    scene.add(&guest)?;
    scene.check(&guest)?;
    scene.del(&guest, "")
}

fn add_after_del(scene: &Scene) -> Judgement {
    let guest = scene.guest("again");
    scene.add(&guest)?;
    scene.del(&guest, "")?;
    scene.add(&guest)?;
    scene.check(&guest)?;
    scene.del(&guest, ", the second time")
}

fn repeated_del(scene: &Scene) -> Judgement {
    let guest = scene.guest("twice");
    scene.add(&guest)?;
    match scene.cast().kind() {
        Kind::Libcni => {
            scene.del(&guest, "")?;
            scene.del(&guest, ", a second time")?;
            scene.del(&guest, ", a third time")
        }
        Kind::Mesos => {
            let id = guest.id.as_str();
            scene.agent("DEL of twice, then the agent dies", |agent| agent.detach(id))?;
            scene.agent("DEL of twice, then the agent dies once more", |agent| agent.detach(id))?;
            scene.agent("the agent recovers: DEL of twice, a third time", |agent| {
                agent.recover(&[])
            })?;
            Ok(())
        }
    }
}

fn out_of_order(scene: &Scene) -> Judgement {
    if !scene.knows_check() {
        return Err(crate::judgement::Stop::skip("there is no CHECK in this version"));
    }
    let guest = scene.guest("early");
    scene.check_fails(&guest, " before its ADD")?;
    scene.add(&guest)?;
    scene.check(&guest)?;
    scene.del(&guest, "")?;
    scene.check_fails(&guest, " after its DEL")
}
