//! What happens to containers when something goes wrong around them.

use super::{Life, Scene};
use crate::judgement::{Judgement, Stop};
use crate::requirements::Severity;
use crate::runtime::Kind;
use cni_wrapper::SpecVersion;

pub(super) const LIVES: &[Life] = &[
    Life {
        name: "del-without-add",
        does: "DEL of a container that was never added (the runtime died in between)",
        runtimes: &Kind::ALL,
        severity: Severity::Must,
        run: del_without_add,
    },
    Life {
        name: "failed-add",
        does: "an ADD that fails, then DEL",
        runtimes: &Kind::ALL,
        severity: Severity::Must,
        run: failed_add,
    },
    Life {
        name: "container-gone",
        does: "ADD, the namespace vanishes, DEL",
        runtimes: &Kind::ALL,
        severity: Severity::Must,
        run: container_gone,
    },
    Life {
        name: "restart",
        does: "ADD, the runtime is restarted and finds what it kept, CHECK, DEL",
        runtimes: &Kind::ALL,
        severity: Severity::Must,
        run: restart,
    },
    Life {
        name: "restart-without-cache",
        does: "ADD, the runtime is restarted and its cache is lost, DEL without prevResult",
        runtimes: &[Kind::Libcni],
        severity: Severity::Must,
        run: restart_without_cache,
    },
    Life {
        name: "gc-lost-containers",
        does: "ADD of three, two vanish, GC with the third as valid: libcni deletes them from its cache",
        runtimes: &[Kind::Libcni],
        severity: Severity::Must,
        run: gc_lost_containers,
    },
    Life {
        name: "gc-lost-cache",
        does: "the same with the cache lost too: the plugins alone can clean up",
        runtimes: &[Kind::Libcni],
        severity: Severity::Must,
        run: gc_lost_cache,
    },
];

fn del_without_add(scene: &Scene) -> Judgement {
    let guest = scene.guest("never");
    match scene.cast().kind() {
        Kind::Libcni => scene.del(&guest, ", which was never added"),
        Kind::Mesos => {
            let join = scene.join(&guest);
            scene.agent("the agent dies before the ADD of never", |agent| {
                agent.prepare(&guest.id, "eth0", &join)
            })?;
            scene.agent("the agent recovers: DEL of never", |agent| agent.recover(&[]))?;
            Ok(())
        }
    }
}

fn failed_add(scene: &Scene) -> Judgement {
    let guest = scene.guest("failed");
    scene.failing_add(&guest)?;
    scene.del_after_failure(&guest)
}

fn container_gone(scene: &Scene) -> Judgement {
    let guest = scene.guest("gone");
    scene.add(&guest)?;
    scene.lose_container(&guest);
    match scene.cast().kind() {
        Kind::Libcni => scene.del(&guest, ", whose namespace is gone"),
        Kind::Mesos => {
            let what = "the agent recovers: DEL of gone, without CNI_NETNS";
            scene.agent(what, |agent| agent.recover(&[])).map(drop)
        }
    }
}

fn restart(scene: &Scene) -> Judgement {
    let guest = scene.guest("undone");
    scene.add(&guest)?;
    if scene.cast().kind() == Kind::Mesos {
        let what = "the agent recovers and knows the container";
        scene.agent(what, |agent| agent.recover(&[&guest.id]))?;
    }
    scene.check(&guest)?;
    scene.del(&guest, " after a restart")
}

fn restart_without_cache(scene: &Scene) -> Judgement {
    let guest = scene.guest("bare");
    scene.add(&guest)?;
    scene.lose_cache(&guest)?;
    scene.del(&guest, " without prevResult")
}

fn gc_lost_containers(scene: &Scene) -> Judgement {
    collect(scene, false)
}

fn gc_lost_cache(scene: &Scene) -> Judgement {
    collect(scene, true)
}

fn collect(scene: &Scene, lose_cache: bool) -> Judgement {
    if scene.cast().version() < SpecVersion::V1_1_0 {
        return Err(Stop::skip("there is no GC in this version"));
    }
    let [keep, one, two] = ["keep", "vanished", "lost"].map(|id| scene.guest(id));
    scene.add(&keep)?;
    let with_one = scene.picture();
    for guest in [&one, &two] {
        scene.add(guest)?;
        scene.lose_container(guest);
        if lose_cache {
            scene.lose_cache(guest)?;
        }
    }
    scene.gc(&[&keep])?;
    scene.looks_as(&with_one, "only what is valid is left")?;
    scene.check(&keep)?;
    scene.del(&keep, "")
}
