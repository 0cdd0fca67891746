//! Replays a recording of `cni-trace` with another plugin, and compares what the two say.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | a [`Recording`] is read: the calls of the plugin that was traced, in their order | `recording.rs` |
//! | 2 | each call is made again, on a throw-away host with a container for each recorded one | `play.rs` |
//! | 3 | the [`Shape`]s of both answers are compared, not the addresses in them | `shape.rs` |

mod play;
mod recording;
mod shape;

pub use play::{Played, Stand, replay};
pub use recording::{Recorded, Recording, Wanted};
pub use shape::{Difference, Shape};
