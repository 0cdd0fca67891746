//! Starts a child in its own process group, with pipes for all three streams.

use std::{io, process, time::Duration};

use async_io::Timer;
use async_std::process::{Child, Command, Stdio};

use crate::error::ExecError;

use super::{execution::Execution, pipes::Pipes};

/// A file that is open for writing can't be executed (ETXTBSY). It is probably being replaced,
/// which does not take long.
const BUSY_RETRIES: u32 = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn start(execution: &Execution) -> Result<(Child, Pipes), ExecError> {
    let mut retries = 0;
    loop {
        // A new command each time, because one that has been spawned must not be reused.
        match spawn(execution) {
            Ok(started) => return Ok(started),
            Err(error) if is_busy(&error) && retries < BUSY_RETRIES => retries += 1,
            Err(source) => {
                return Err(ExecError::Start { program: execution.program.clone(), source });
            }
        }
        Timer::after(BUSY_PAUSE).await;
    }
}

fn spawn(execution: &Execution) -> io::Result<(Child, Pipes)> {
    let mut command = process::Command::new(&execution.program);
    command.args(&execution.args);
    command.env_clear();
    command.envs(execution.environment.iter().map(|(key, value)| (key, value)));
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    die_with_parent(&mut command);
    // The streams are set after the conversion, which does not keep them.
    let mut command = Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let pipes = Pipes::take_from(&mut child);
    Ok((child, pipes))
}

/// A delegate must not outlive a plugin that is killed: it would race with the runtime's DEL.
#[allow(unsafe_code, reason = "pre_exec has no safe form")]
fn die_with_parent(command: &mut process::Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let parent = getpid();
    // SAFETY: between fork and exec there are only system calls (prctl, getppid), no allocations
    // and no locks.
    unsafe {
        std::os::unix::process::CommandExt::pre_exec(command, move || {
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // The parent may have died before the line above.
            match getppid() {
                Some(pid) if pid == parent => Ok(()),
                _ => Err(io::ErrorKind::BrokenPipe.into()),
            }
        });
    }
}

fn is_busy(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::ExecutableFileBusy
}
