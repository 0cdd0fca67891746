//! Runs child processes to their end: delegates, and helpers such as iptables.
//!
//! The child is the leader of its own process group. Its stdin is written and both outputs are read
//! concurrently, so that neither side can block the other. The whole group is stopped (TERM, then
//! KILL) if the child passes its deadline or writes more than its limit, and when the future is
//! dropped. A grandchild that keeps a pipe open after the child has ended costs a short grace
//! period only.
//!
//! To hide the time that a child takes to start, [`start`] it early and [`Child::communicate`]
//! later.

mod child;
mod execution;
mod group;
mod pipes;
mod start;

use std::time::Instant;

pub use crate::error::ExecError;
pub use child::Child;
pub use execution::{Execution, Limits, Output};

/// Runs the child to its end.
///
/// # Errors
///
/// The child can't be started, passes its deadline, writes too much, or a pipe fails. A non-zero
/// exit status or a signal is not an error here: see [`Output::status`].
pub async fn run(execution: &Execution) -> Result<Output, ExecError> {
    let mut stdout = Vec::new();
    let output = run_streaming(execution, &mut |bytes| stdout.extend_from_slice(bytes)).await?;
    Ok(Output { stdout, ..output })
}

/// Runs the child to its end, and passes its stdout to `take` in pieces of any length as it is
/// read.
///
/// # Errors
///
/// As [`run`].
pub async fn run_streaming(
    execution: &Execution,
    take: &mut dyn FnMut(&[u8]),
) -> Result<Output, ExecError> {
    let started = Instant::now();
    let output = start(execution).await?.communicate(&execution.stdin, take).await?;
    Ok(Output { took: started.elapsed(), ..output })
}

/// Starts a child before its input is known. `stdin` of the execution is used by [`run`] only.
///
/// ```
/// use cni_wrapper::exec::{self, Execution};
///
/// # cni_wrapper::block_on(async {
/// let cat = Execution {
///     program: "/bin/cat".into(),
///     args: Vec::new(),
///     environment: Vec::new(),
///     stdin: Vec::new(),
///     limits: exec::Limits::default(),
/// };
/// let child = exec::start(&cat).await?;
/// // While it starts, compute its input.
/// let mut stdout = Vec::new();
/// let output = child.communicate(b"text", &mut |bytes| stdout.extend_from_slice(bytes)).await?;
/// assert!(output.status.success() && stdout == b"text");
/// # Ok::<(), exec::ExecError>(())
/// # })??;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ExecError::Start`].
pub async fn start(execution: &Execution) -> Result<Child, ExecError> {
    Child::start(execution).await
}
