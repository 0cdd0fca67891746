//! The three pipes of a child, served concurrently.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    io,
    pin::{Pin, pin},
    process::ExitStatus,
    task::Poll,
};

use async_std::{
    io::{ReadExt, WriteExt},
    process::{Child, ChildStderr, ChildStdin, ChildStdout},
};

use super::execution::Limits;

/// How the exchange with a child ends.
pub(super) enum Step {
    Exited(ExitStatus),
    OverLimit { stream: &'static str, limit: usize },
}

/// A consumer of pieces of stdout.
type Take<'t> = &'t mut dyn FnMut(&[u8]);

/// The output so far. It outlives the future that reads it, which may be dropped.
pub(super) struct Captured<'t> {
    take: RefCell<Take<'t>>,
    stdout_total: Cell<usize>,
    stderr: RefCell<Vec<u8>>,
    stderr_total: Cell<usize>,
    limits: Limits,
}

impl<'t> Captured<'t> {
    pub(super) fn new(limits: Limits, take: Take<'t>) -> Self {
        Self {
            take: RefCell::new(take),
            stdout_total: Cell::new(0),
            stderr: RefCell::default(),
            stderr_total: Cell::new(0),
            limits,
        }
    }

    pub(super) fn into_stderr(self) -> Vec<u8> {
        let mut stderr = self.stderr.into_inner();
        keep_end(&mut stderr, self.limits.stderr);
        stderr
    }

    fn stdout(&self, bytes: &[u8]) -> Option<Step> {
        let room = self.limits.stdout - self.stdout_total.get();
        let allowed = &bytes[..bytes.len().min(room)];
        (self.take.borrow_mut())(allowed);
        self.stdout_total.set(self.stdout_total.get() + allowed.len());
        (bytes.len() > room)
            .then_some(Step::OverLimit { stream: "stdout", limit: self.limits.stdout })
    }

    fn stderr(&self, bytes: &[u8]) -> Option<Step> {
        let mut stderr = self.stderr.borrow_mut();
        stderr.extend_from_slice(bytes);
        if stderr.len() > 2 * self.limits.stderr {
            keep_end(&mut stderr, self.limits.stderr);
        }
        let total = self.stderr_total.get() + bytes.len();
        self.stderr_total.set(total);
        let limit = self.limits.stderr.saturating_mul(64);
        (total > limit).then_some(Step::OverLimit { stream: "stderr", limit })
    }
}

fn keep_end(bytes: &mut Vec<u8>, count: usize) {
    bytes.drain(..bytes.len().saturating_sub(count));
}

pub(super) struct Pipes {
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
}

impl Pipes {
    pub(super) fn take_from(child: &mut Child) -> Self {
        Self { stdin: child.stdin.take(), stdout: child.stdout.take(), stderr: child.stderr.take() }
    }

    /// Writes stdin and reads both outputs until all three are closed. Returns `Some` if an output
    /// is over its limit.
    pub(super) async fn transfer(
        self,
        stdin: &[u8],
        captured: &Captured<'_>,
    ) -> io::Result<Option<Step>> {
        let mut input = pin!(write(self.stdin, stdin));
        let mut out = pin!(read(self.stdout, |bytes| captured.stdout(bytes)));
        let mut err = pin!(read(self.stderr, |bytes| captured.stderr(bytes)));
        let mut done = [false; 3];
        poll_fn(|context| {
            let parts: [Pin<&mut dyn Future<Output = io::Result<Option<Step>>>>; 3] =
                [input.as_mut(), out.as_mut(), err.as_mut()];
            for (part, done) in parts.into_iter().zip(&mut done) {
                if *done {
                    continue;
                }
                match part.poll(context) {
                    Poll::Ready(Ok(None)) => *done = true,
                    Poll::Ready(end) => return Poll::Ready(end),
                    Poll::Pending => {}
                }
            }
            if done == [true; 3] { Poll::Ready(Ok(None)) } else { Poll::Pending }
        })
        .await
    }
}

/// A child need not read its input: it may have answered already.
async fn write(stdin: Option<ChildStdin>, input: &[u8]) -> io::Result<Option<Step>> {
    let Some(mut stdin) = stdin else { return Ok(None) };
    match stdin.write_all(input).await {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(None),
    }
}

async fn read(
    stream: Option<impl async_std::io::Read + Unpin>,
    take: impl Fn(&[u8]) -> Option<Step>,
) -> io::Result<Option<Step>> {
    let Some(mut stream) = stream else { return Ok(None) };
    let mut buffer = vec![0; 16 << 10];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(None),
            count => {
                if let Some(step) = take(&buffer[..count]) {
                    return Ok(Some(step));
                }
            }
        }
    }
}

/// Transfers until the child has ended or is over a limit. Returns whether a pipe is still open.
pub(super) async fn until_exit(
    exited: impl Future<Output = io::Result<ExitStatus>>,
    mut transfer: Pin<&mut impl Future<Output = io::Result<Option<Step>>>>,
) -> io::Result<(Step, bool)> {
    let mut exited = pin!(exited);
    let mut is_open = true;
    poll_fn(|context| {
        if is_open && let Poll::Ready(end) = transfer.as_mut().poll(context) {
            is_open = false;
            match end {
                Err(error) => return Poll::Ready(Err(error)),
                Ok(Some(step)) => return Poll::Ready(Ok((step, false))),
                Ok(None) => {}
            }
        }
        exited.as_mut().poll(context).map(|status| Ok((Step::Exited(status?), is_open)))
    })
    .await
}
