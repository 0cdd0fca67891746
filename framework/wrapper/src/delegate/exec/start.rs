//! Starts a child in a process group of its own, with pipes on all three streams.

use std::{io, process, time::Duration};

use async_std::{
    process::{Child, Command, Stdio},
    task,
};

use crate::error::ExecError;

use super::{Execution, pipes::Pipes};

/// A binary that is just being written can't be executed (ETXTBSY): somebody replaces it in place and will be done soon.
const BUSY_RETRIES: u32 = 20;
const BUSY_PAUSE: Duration = Duration::from_millis(50);

pub(super) async fn start(execution: &Execution) -> Result<(Child, Pipes), ExecError> {
    let mut tries = 0;
    loop {
        // A fresh command each time: what spawn has used once is not to be used again.
        match spawn(execution) {
            Ok(started) => return Ok(started),
            Err(error) if is_busy(&error) && tries < BUSY_RETRIES => tries += 1,
            Err(source) => {
                return Err(ExecError::Start { program: execution.program.clone(), source });
            }
        }
        task::sleep(BUSY_PAUSE).await;
    }
}

fn spawn(execution: &Execution) -> io::Result<(Child, Pipes)> {
    let mut command = process::Command::new(&execution.program);
    command.args(&execution.args);
    command.env_clear();
    command.envs(execution.environment.iter().map(|(key, value)| (key, value)));
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    die_with_parent(&mut command);
    // Streams come after the conversion, which forgets what was set before it.
    let mut command = Command::from(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let pipes = Pipes::take_from(&mut child);
    Ok((child, pipes))
}

/// A plugin that is killed must not leave a delegate at work behind it: the runtime's DEL would race with it.
#[allow(unsafe_code, reason = "pre_exec has no safe form")]
fn die_with_parent(command: &mut process::Command) {
    use rustix::process::{Signal, getpid, getppid, set_parent_process_death_signal};
    let parent = getpid();
    // SAFETY: between fork and exec only system calls are made (prctl, getppid): nothing allocates and no lock is taken.
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
