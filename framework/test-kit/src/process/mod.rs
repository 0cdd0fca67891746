//! Processes with a deadline and captured output: run to their end, or started in the background.

mod background;
mod run;
mod stream;

pub use background::RunningProcess;
pub(crate) use background::{HELPER_TIMEOUT, exits_within, pipe};
pub use run::{Ended, Sink, Stdin, Streams, run};
