//! Runs a child process to its end, whatever it does: delegates and helpers such as iptables alike.
//!
//! The child leads a process group of its own. Its stdin is fed and both its outputs are read at the same
//! time, so neither side can block the other. It is stopped (TERM, then KILL, always the whole group) when it
//! passes its deadline or writes more than allowed, and when the future is dropped. A grandchild that keeps a
//! pipe open after the child has ended costs a short grace time and no more.
//!
//! What a child takes to start can be spent before its input is known: [`start`] it, and [`Child::communicate`] it later.

mod child;
mod group;
mod pipes;
mod start;

use std::{
    ffi::OsString,
    path::PathBuf,
    process::ExitStatus,
    time::{Duration, Instant},
};

pub use crate::error::ExecError;
pub use child::Child;

/// A program, all it is given, and how long and how much it may answer.
#[derive(Clone, Debug)]
pub struct Execution {
    /// The file to execute. Nothing is searched and no shell is involved.
    pub program: PathBuf,
    /// The arguments after argv\[0\], which is the program's path.
    pub args: Vec<OsString>,
    /// The whole environment; nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
    /// What the child reads on its stdin. It may leave it unread.
    pub stdin: Vec<u8>,
    /// The bounds.
    pub limits: Limits,
}

/// How long a child may run and how much it may write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time from when it has started, or is [fed](Child::communicate), to its end.
    pub deadline: Duration,
    /// Bytes of stdout. One more and the child is stopped.
    pub stdout: usize,
    /// Bytes of stderr that are kept: the last ones. A child that writes 64 times as many is stopped.
    pub stderr: usize,
}

impl Default for Limits {
    /// 60 s, 4 MiB of stdout, the last 256 KiB of stderr.
    fn default() -> Self {
        Self { deadline: Duration::from_secs(60), stdout: 4 << 20, stderr: 256 << 10 }
    }
}

/// A child that ended by itself, well or not.
#[derive(Debug)]
pub struct Output {
    /// Exit status or signal.
    pub status: ExitStatus,
    /// All of its stdout; empty when that was handed over as it came.
    pub stdout: Vec<u8>,
    /// The end of its stderr.
    pub stderr: Vec<u8>,
    /// From start to end.
    pub took: Duration,
}

/// Runs the child to its end.
///
/// # Errors
///
/// When it can't be started, passes its deadline, floods a pipe, or a pipe fails. A child that ends with a
/// non-zero status or by a signal is no error here: [`Output::status`] says so.
pub async fn run(execution: &Execution) -> Result<Output, ExecError> {
    let mut stdout = Vec::new();
    let finished = run_streaming(execution, &mut |bytes| stdout.extend_from_slice(bytes)).await?;
    Ok(Output { stdout, ..finished })
}

/// The same for a child whose stdout need not be kept: `take` gets it in pieces, as they come and wherever they are cut.
///
/// # Errors
///
/// As [`run`].
pub async fn run_streaming(
    execution: &Execution,
    take: &mut dyn FnMut(&[u8]),
) -> Result<Output, ExecError> {
    let begun = Instant::now();
    let finished = start(execution).await?.communicate(&execution.stdin, take).await?;
    Ok(Output { took: begun.elapsed(), ..finished })
}

/// Starts a child before it is known what it is to read: `stdin` of the execution is for [`run`] only.
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
/// let started = exec::start(&cat).await?;
/// // While it starts, find out what to tell it.
/// let mut said = Vec::new();
/// let finished = started.communicate(b"this", &mut |bytes| said.extend_from_slice(bytes)).await?;
/// assert!(finished.status.success() && said == b"this");
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
