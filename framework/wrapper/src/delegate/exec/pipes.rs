//! The three pipes of a child, moved at the same time.

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

use super::Limits;

/// How a conversation with a child ends.
pub(super) enum Step {
    Exited(ExitStatus),
    Flooded { stream: &'static str, limit: usize },
}

/// What is done with a piece of stdout.
type Take<'t> = &'t mut dyn FnMut(&[u8]);

/// What the child has said so far. It outlives the reading, which may be cut short.
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
            .then_some(Step::Flooded { stream: "stdout", limit: self.limits.stdout })
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
        (total > limit).then_some(Step::Flooded { stream: "stderr", limit })
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

    /// Feeds stdin and reads both outputs until all three are done; `Some` when an output floods.
    pub(super) async fn talk(
        self,
        input: &[u8],
        captured: &Captured<'_>,
    ) -> io::Result<Option<Step>> {
        let mut feeding = pin!(feed(self.stdin, input));
        let mut out = pin!(drain(self.stdout, |bytes| captured.stdout(bytes)));
        let mut err = pin!(drain(self.stderr, |bytes| captured.stderr(bytes)));
        let mut done = [false; 3];
        poll_fn(|context| {
            let parts: [Pin<&mut dyn Future<Output = io::Result<Option<Step>>>>; 3] =
                [feeding.as_mut(), out.as_mut(), err.as_mut()];
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

/// A child that does not want its input is none the worse for it: it may have answered already.
async fn feed(stdin: Option<ChildStdin>, input: &[u8]) -> io::Result<Option<Step>> {
    let Some(mut stdin) = stdin else { return Ok(None) };
    match stdin.write_all(input).await {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        _ => Ok(None),
    }
}

async fn drain(
    stream: Option<impl async_std::io::Read + Unpin>,
    take: impl Fn(&[u8]) -> Option<Step>,
) -> io::Result<Option<Step>> {
    let Some(mut stream) = stream else { return Ok(None) };
    let mut buffer = vec![0; 16 << 10];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(None),
            count => {
                if let Some(flood) = take(&buffer[..count]) {
                    return Ok(Some(flood));
                }
            }
        }
    }
}

/// Talks until the child has ended or floods; says whether there may be more to read.
pub(super) async fn until_exit(
    exited: impl Future<Output = io::Result<ExitStatus>>,
    mut talk: Pin<&mut impl Future<Output = io::Result<Option<Step>>>>,
) -> io::Result<(Step, bool)> {
    let mut exited = pin!(exited);
    let mut talking = true;
    poll_fn(|context| {
        if talking && let Poll::Ready(end) = talk.as_mut().poll(context) {
            talking = false;
            match end {
                Err(error) => return Poll::Ready(Err(error)),
                Ok(Some(flood)) => return Poll::Ready(Ok((flood, false))),
                Ok(None) => {}
            }
        }
        exited.as_mut().poll(context).map(|status| Ok((Step::Exited(status?), talking)))
    })
    .await
}
