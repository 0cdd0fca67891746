//! Scripts that prepare a host or a container, and may leave programs running.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::netns::Netns;
use crate::process::exits_within;

/// How much of a script's output an error contains.
const SHOWN: usize = 16 * 1024;

impl Netns {
    /// Runs a script with `sh` that prepares this namespace, for at most `limit`. Programs that it
    /// starts in the background run on, and end with the host.
    ///
    /// # Errors
    /// The script failed, with its output, or took too long, and was killed.
    pub fn prepare(&self, script: &str, limit: Duration) -> Result<(), String> {
        // A file, not a pipe, which programs in the background would hold open.
        let output = memfd_create("output", MemfdFlags::CLOEXEC).map(File::from);
        let output = output.map_err(|error| format!("can't keep its output: {error}"))?;
        let status = self.run_within(script, &output, limit);
        match status.map_err(|error| format!("can't run sh: {error}"))? {
            Some(status) if status.success() => Ok(()),
            Some(status) => Err(format!("it failed, {status}\n{}", text(&output))),
            None => Err(format!(
                "it was killed after {limit:?}; a program that runs on must be started in the \
                 background, with `&`\n{}",
                text(&output)
            )),
        }
    }

    /// Runs a script; returns `None` if it was killed at its limit.
    fn run_within(
        &self,
        script: &str,
        output: &File,
        limit: Duration,
    ) -> io::Result<Option<ExitStatus>> {
        let (stdout, stderr) = (output.try_clone()?, output.try_clone()?);
        let mut child = self.start("sh", |command| {
            command.args(["-euc", script]).stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        })?;
        let in_time =
            exits_within(&pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?, limit);
        if !in_time {
            // Fails only if it has just exited.
            let _ = child.kill();
        }
        child.wait().map(|status| in_time.then_some(status))
    }
}

/// Returns the beginning of the output. Its position is left alone, since a program in the
/// background may still write.
fn text(output: &File) -> String {
    let mut bytes = vec![0; SHOWN];
    let length = output.read_at(&mut bytes, 0).unwrap_or(0);
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}
