//! Replays a recording of `cni-trace` with another plugin, and compares the answers of the two.
//!
//! 1. `recording.rs` reads a [`Recording`]: the calls of the plugin that was traced, in order.
//! 2. `replayer.rs` makes each call again, on a disposable host with a container for each recorded
//!    one.
//! 3. `shape.rs` compares the [`Shape`]s of both answers, which do not contain addresses.

mod recording;
mod replayer;
mod shape;

pub use recording::{Answer, Filter, RecordedCall, Recording};
pub use replayer::{Replayed, Target, replay};
pub use shape::{Difference, Shape};
