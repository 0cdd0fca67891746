//! Several containers at once.

use super::{Guest, Life, Scene};
use crate::judgement::Judgement;
use crate::requirements::Severity;
use crate::runtime::Kind;

/// How many start at the same time.
const MANY: usize = 16;

pub(super) const LIVES: &[Life] = &[
    Life {
        name: "two-at-once",
        does: "two containers with ids that are alike; one goes, the other stays as it is",
        runtimes: &Kind::ALL,
        severity: Severity::Must,
        run: two_at_once,
    },
    Life {
        name: "many-at-once",
        does: "sixteen ADDs at the same time, then sixteen DELs",
        runtimes: &Kind::ALL,
        severity: Severity::Must,
        run: many_at_once,
    },
];

fn two_at_once(scene: &Scene) -> Judgement {
    let [one, ten] = ["c1", "c10"].map(|id| scene.guest(id));
    scene.add(&ten)?;
    let with_ten = scene.picture();
    scene.add(&one)?;
    scene.del(&one, "")?;
    scene.looks_as(&with_ten, "c10 is as it was")?;
    scene.check(&ten)?;
    scene.del(&ten, "")
}

fn many_at_once(scene: &Scene) -> Judgement {
    let guests: Vec<Guest> = (0..MANY).map(|n| scene.guest(&format!("many{n}"))).collect();
    scene.at_once("ADD of sixteen at once", &guests, |guest| scene.try_add(guest).map(drop))?;
    if let Some(guest) = guests.first() {
        scene.check(guest)?;
    }
    scene.at_once("DEL of sixteen at once", &guests, |guest| scene.try_del(guest))
}
