//! A child process from its start to its end.

use std::{
    io,
    path::PathBuf,
    time::{Duration, Instant},
};

use async_std::future::timeout;

use crate::error::ExecError;

use super::{
    execution::{Execution, Limits, Output},
    group::Group,
    pipes::{Captured, Pipes, Step, until_exit},
    start,
};

/// How long a grandchild may keep the pipes open after the child has ended.
const PIPE_GRACE: Duration = Duration::from_millis(200);

/// A child that has been started and waits for its input. Its process group is killed on drop.
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

    /// Returns the process id of the child.
    pub fn id(&self) -> u32 {
        self.group.child_id()
    }

    /// Kills the child and waits until it has ended. Dropping it does not wait.
    pub async fn kill(mut self) {
        self.group.kill().await;
    }

    /// Writes the input and runs the child to its end; `take` gets its stdout in pieces. Its
    /// deadline and [`Output::took`] count from here.
    ///
    /// # Errors
    ///
    /// Those of [`run`](super::run), except for the start.
    pub async fn communicate(
        self,
        stdin: &[u8],
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Output, ExecError> {
        let Self { program, limits, mut group, pipes } = self;
        let started = Instant::now();
        let captured = Captured::new(limits, take);
        let exchange = exchange(&mut group, pipes, stdin, &captured);
        let step = timeout(limits.deadline, exchange).await;
        if !matches!(step, Ok(Ok(Step::Exited(_)))) {
            group.stop().await;
        }
        let stderr = captured.into_stderr();
        match step {
            Ok(Ok(Step::Exited(status))) => {
                Ok(Output { status, stdout: Vec::new(), stderr, took: started.elapsed() })
            }
            Ok(Ok(Step::OverLimit { stream, limit })) => {
                Err(ExecError::OutputLimit { program, stream, limit, stderr })
            }
            Ok(Err(source)) => Err(ExecError::Io { program, source }),
            Err(_) => Err(ExecError::Deadline { program, deadline: limits.deadline, stderr }),
        }
    }
}

async fn exchange(
    group: &mut Group,
    pipes: Pipes,
    stdin: &[u8],
    captured: &Captured<'_>,
) -> io::Result<Step> {
    let mut transfer = Box::pin(pipes.transfer(stdin, captured));
    let (step, is_open) = until_exit(group.exited(), transfer.as_mut()).await?;
    if is_open && matches!(step, Step::Exited(_)) {
        // A grandchild keeps them open; its output is not part of the child's answer.
        if let Ok(Ok(Some(step))) = timeout(PIPE_GRACE, transfer).await {
            return Ok(step);
        }
    }
    Ok(step)
}
