//! The process group of a child, which can be stopped as a whole.

use std::{io, process::ExitStatus, time::Duration};

use async_std::{future::timeout, process::Child};
use rustix::process::{Pid, Signal, kill_process_group};

/// How long the group has to end after TERM.
const TERM_GRACE: Duration = Duration::from_millis(500);
/// How long to wait for the child after KILL. It takes longer only if the child hangs in the
/// kernel.
const KILL_GRACE: Duration = Duration::from_secs(1);

/// A child and its process group, which is killed on drop unless the child has ended.
pub(super) struct Group {
    child: Child,
    id: Option<Pid>,
}

impl Group {
    pub(super) fn of(child: Child) -> Self {
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Self { child, id }
    }

    pub(super) fn child_id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the child, not for its group: a plugin may start a daemon on purpose.
    pub(super) async fn exited(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.status().await?;
        self.id = None;
        Ok(status)
    }

    /// Sends TERM, and after a grace period KILL, to the whole group, and reaps the child.
    pub(super) async fn stop(&mut self) {
        let Some(id) = self.id.take().or_else(|| self.leader()) else { return };
        let _ = kill_process_group(id, Signal::TERM);
        let _ = timeout(TERM_GRACE, self.child.status()).await;
        let _ = kill_process_group(id, Signal::KILL);
        let _ = timeout(KILL_GRACE, self.child.status()).await;
    }

    /// Sends KILL to the whole group, and reaps the child.
    pub(super) async fn kill(&mut self) {
        let Some(id) = self.id.take() else { return };
        let _ = kill_process_group(id, Signal::KILL);
        let _ = timeout(KILL_GRACE, self.child.status()).await;
    }

    fn leader(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(id) = self.id {
            let _ = kill_process_group(id, Signal::KILL);
        }
    }
}
