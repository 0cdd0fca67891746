//! Whole lives of attachments, as a runtime drives them. Each leaves the host as it was.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | the [`Cast`]: a plugin or a network, and the runtime that drives it | `cast.rs` |
//! | 2 | it plays on a [`Scene`]: a throw-away host, and the runtime with its steps | `scene.rs`, `acts.rs`, `steps.rs` |
//! | 3 | the lives, each a literal and a function | `ordinary.rs`, `troubled.rs`, `crowded.rs` |
//! | 4 | one is [`live`]d and judged | here |

mod acts;
mod cast;
mod crowded;
mod ordinary;
mod scene;
mod steps;
mod troubled;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

pub use cast::Cast;
pub use scene::{Guest, Scene};
pub use steps::Step;

use crate::exchange::Exchange;
use crate::judgement::{Finding, Judgement, Stop, Verdict};
use crate::requirements::Severity;
use crate::run::words;
use crate::runtime::Kind;

/// A whole life of one attachment, or of several.
#[derive(Clone, Copy)]
pub struct Life {
    /// Its name, for ever.
    pub name: &'static str,
    /// What happens in it, for people.
    pub does: &'static str,
    /// The runtimes that can come into it.
    pub runtimes: &'static [Kind],
    /// How bad it is when it goes wrong.
    pub severity: Severity,
    run: fn(&Scene) -> Judgement,
}

/// All lives, the ordinary ones first.
pub fn all() -> impl Iterator<Item = &'static Life> {
    [ordinary::LIVES, troubled::LIVES, crowded::LIVES].into_iter().flatten()
}

/// How a life went.
#[derive(Clone, Debug)]
pub struct Lived {
    /// What happened, in its order.
    pub steps: Vec<Step>,
    /// How it ended.
    pub verdict: Verdict,
    /// What was expected and seen, when it went wrong.
    pub finding: Option<Finding>,
    /// Why it was skipped or is broken.
    pub note: Option<String>,
    /// The call that went wrong.
    pub exchange: Option<Exchange>,
    /// How long it took, in milliseconds.
    pub millis: u64,
}

/// Plays a life. The scene is returned as it is afterwards, for whoever wants to look at it; when it is dropped, all is gone.
pub fn live(life: &Life, cast: &Cast) -> (Lived, Option<Scene>) {
    let started = Instant::now();
    let mut scene = None;
    let judged = catch_unwind(AssertUnwindSafe(|| play(life, scene.insert(Scene::new(cast)))));
    let (verdict, finding, note) = match judged {
        Ok(Ok(())) => (Verdict::Pass, None, None),
        Ok(Err(End::Broken(note))) => (Verdict::Broken, None, Some(note)),
        Ok(Err(End::Stop(stop))) => {
            let verdict = Verdict::of(&Err(stop.clone()), life.severity);
            match stop {
                Stop::Finding(finding) => (verdict, Some(finding), None),
                Stop::Skip(note) | Stop::Info(note) => (verdict, None, Some(note)),
            }
        }
        Err(panic) => (Verdict::Broken, None, Some(words(panic.as_ref()))),
    };
    let steps = scene.as_ref().map(Scene::steps).unwrap_or_default();
    let exchange = scene.as_ref().and_then(Scene::wrong);
    let millis = started.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
    (Lived { steps, verdict, finding, note, exchange, millis }, scene)
}

enum End {
    Stop(Stop),
    Broken(String),
}

fn play(life: &Life, scene: &Scene) -> Result<(), End> {
    if !life.runtimes.contains(&scene.cast().kind()) {
        let kind = scene.cast().kind();
        return Err(End::Stop(Stop::skip(format!("nothing in {kind} leads to this"))));
    }
    // What all attachments share (a bridge, a chain, a directory) is made by this one.
    scene.warm().map_err(|failure| {
        End::Broken(format!("not even an ordinary ADD and DEL succeed: {failure}"))
    })?;
    let before = scene.picture();
    (life.run)(scene).map_err(End::Stop)?;
    scene.nothing_is_left(&before).map_err(End::Stop)
}
