//! What a plugin does besides its verbs, for a person who types a command.

use std::future::Future;

use crate::{Error, block_on::block_on, flow};

/// Runs a command of a plugin's own, such as one that lists what it has made, to its end, as [`run`](crate::run) does a verb: on this
/// thread.
///
/// ```
/// let answer = cni_wrapper::command(async { 6 * 7 });
/// assert_eq!(answer?, 42);
/// # Ok::<(), cni_wrapper::Error>(())
/// ```
///
/// # Errors
///
/// It panicked (999): what there is to say of it is in the message.
pub fn command<T>(command: impl Future<Output = T>) -> Result<T, Error> {
    flow::step("a command", || Ok(block_on(command)))
}
