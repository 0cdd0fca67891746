//! A child's process group, which ends when we say so.

use std::{io, process::ExitStatus, time::Duration};

use async_std::{future::timeout, process::Child};
use rustix::process::{Pid, Signal, kill_process_group};

/// How long the group may take to end after TERM.
const TERM_GRACE: Duration = Duration::from_millis(500);
/// How long the kernel may take to end the child after KILL. Longer only when it hangs in the kernel itself.
const KILL_GRACE: Duration = Duration::from_secs(1);

/// Kills the group when dropped, unless the child has ended by itself.
pub(super) struct Group {
    child: Child,
    id: Option<Pid>,
}

impl Group {
    pub(super) fn of(child: Child) -> Self {
        let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        Self { child, id }
    }

    /// Waits for the child itself, not for its group: a plugin may leave a daemon behind on purpose.
    pub(super) async fn exited(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.status().await?;
        self.id = None;
        Ok(status)
    }

    /// TERM, a grace time, KILL; the child is reaped. Whoever of the group survives TERM is killed with it.
    pub(super) async fn stop(&mut self) {
        let Some(id) = self.id.take().or_else(|| self.leader()) else { return };
        let _ = kill_process_group(id, Signal::TERM);
        let _ = timeout(TERM_GRACE, self.child.status()).await;
        let _ = kill_process_group(id, Signal::KILL);
        let _ = timeout(KILL_GRACE, self.child.status()).await;
    }

    /// KILL at once; the child is reaped.
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
