//! A child from its start to its end.

use std::{
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use async_std::future::timeout;

use crate::error::ExecError;

use super::{
    Execution, Limits, Output,
    group::Group,
    pipes::{Captured, Pipes, Step, until_exit},
    start,
};

/// How long the pipes of a child that has ended may stay open, held by a grandchild.
const GRACE: Duration = Duration::from_millis(200);

/// A child that has not been told anything. Its group is killed when this is dropped.
pub struct Child {
    program: PathBuf,
    limits: Limits,
    group: Group,
    pipes: Pipes,
}

impl Child {
    pub(super) async fn start(execution: &Execution) -> Result<Self, ExecError> {
        let Execution { program, limits, .. } = execution;
        let (child, pipes) = start::start(execution).await?;
        Ok(Self { program: program.clone(), limits: *limits, group: Group::of(child), pipes })
    }

    /// Ends it, since there is nothing to tell it. Dropping does so, too, but does not wait until it has gone.
    pub async fn kill(mut self) {
        self.group.kill().await;
    }

    /// Tells it this and runs it to its end; `take` gets its stdout in pieces. Its deadline and [`Output::took`] count from here.
    ///
    /// # Errors
    ///
    /// As [`run`](super::run), but for the start.
    pub async fn communicate(
        self,
        stdin: &[u8],
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Output, ExecError> {
        let Self { program, limits, mut group, pipes } = self;
        let fed = Instant::now();
        let captured = Captured::new(limits, take);
        let conversation = converse(&mut group, pipes, stdin, &captured);
        let step = timeout(limits.deadline, conversation).await;
        if !matches!(step, Ok(Ok(Step::Exited(_)))) {
            group.stop().await;
        }
        let stderr = captured.into_stderr();
        match step {
            Ok(Ok(Step::Exited(status))) => {
                Ok(Output { status, stdout: Vec::new(), stderr, took: fed.elapsed() })
            }
            Ok(Ok(Step::Flooded { stream, limit })) => {
                Err(ExecError::Flood { program, stream, limit, stderr })
            }
            Ok(Err(source)) => Err(ExecError::Io { program, source }),
            Err(_) => Err(ExecError::Deadline { program, deadline: limits.deadline, stderr }),
        }
    }
}

async fn converse(
    group: &mut Group,
    pipes: Pipes,
    stdin: &[u8],
    captured: &Captured<'_>,
) -> io::Result<Step> {
    let mut talk = Box::pin(pipes.talk(stdin, captured));
    let (step, still_talking) = until_exit(group.exited(), talk.as_mut()).await?;
    if still_talking && matches!(step, Step::Exited(_)) {
        // Held by a grandchild: what it has yet to say is not the child's answer.
        if let Ok(Ok(Some(flood))) = timeout(GRACE, talk).await {
            return Ok(flood);
        }
    }
    Ok(step)
}
