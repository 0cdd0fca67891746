//! Processes with a deadline and captured output: run to their end, or started in the background.

mod background;
mod closed_pipe;
mod run;
mod stream;

pub use background::RunningProcess;
pub(crate) use background::{HELPER_TIMEOUT, exits_within, pipe};
pub use closed_pipe::run_into_closed_pipe;
pub use run::{Ended, Sink, Stdin, Streams, run};
