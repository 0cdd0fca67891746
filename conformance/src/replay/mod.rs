//! Replays a recording of `cni-trace` with another plugin, and compares the answers of the two.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | a [`Recording`] is read: the calls of the plugin that was traced, in order | `recording.rs` |
//! | 2 | each call is made again, on a throw-away host with a container for each recorded one | `replayer.rs` |
//! | 3 | the [`Shape`]s of both answers are compared, not the addresses in them | `shape.rs` |

mod recording;
mod replayer;
mod shape;

pub use recording::{Answer, Filter, RecordedCall, Recording};
pub use replayer::{Replayed, Target, replay};
pub use shape::{Difference, Shape};
