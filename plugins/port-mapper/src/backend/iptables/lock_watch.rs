//! Waiting for the xtables lock while it changes hands.
//!
//! `-w` gives up after a number of seconds, although every holder was quick. So the holders are
//! watched: while the lock changes hands, iptables is run again; a holder that keeps it ends the
//! wait. iptables that gets the lock at once is never looked at.

use std::path::Path;
use std::time::{Duration, Instant};

use async_std::prelude::FutureExt;
use async_std::task;
use cni_wrapper::exec::Output;
use cni_wrapper::{HolderWatch, Patience};

use super::lock_holder::{holder, waits};
use super::run::{RestoreProcess, Runner, is_locked, one_line};
use crate::error::Error;
use crate::lock::{QUEUE_TIMEOUT, patience, report_progress};

/// The first look is after this part of the time that a holder has.
const FIRST_LOOK: u32 = 4;
/// It is never sooner, even if `lockTimeout` is 0.
const SHORTEST_PAUSE: Duration = Duration::from_millis(20);

/// The holder of the lock that a process of iptables waits for; `None` if it does not wait.
type Watch = Option<HolderWatch<Option<u32>>>;

impl Runner {
    /// Runs the process to its end, and others with the same input if it could not get the lock.
    ///
    /// # Errors
    ///
    /// [`Error::XtablesLocked`] if another program keeps the lock; or a process can't be run.
    pub(super) async fn communicate(
        &self,
        process: RestoreProcess,
        options: &[&str],
        input: &str,
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<Output, Error> {
        let (started, mut watch) = (Instant::now(), None);
        let RestoreProcess { program, mut child } = process;
        loop {
            let id = child.id();
            let run = async { child.communicate(input.as_bytes(), take).await.map(Some) };
            let stuck = async {
                self.watch_holder(id, &mut watch).await;
                Ok(None)
            };
            let output = run.race(stuck).await?;
            match output {
                Some(output) if !is_locked(&output) => return Ok(output),
                Some(_) if watch.as_ref().is_some_and(|watch| !watch.is_over()) => {}
                output => return Err(locked(started.elapsed(), watch.as_ref(), output.as_ref())),
            }
            child = self.start_program(&program, options, QUEUE_TIMEOUT).await?;
        }
    }

    /// Watches the holder of the lock for a process of iptables. Returns when one keeps it.
    async fn watch_holder(&self, process: u32, watch: &mut Watch) {
        let file = Path::new(self.programs.lock_file());
        loop {
            let first = (self.lock_timeout / FIRST_LOOK).max(SHORTEST_PAUSE);
            let pause = watch.as_ref().map_or(first, HolderWatch::pause);
            task::sleep(pause).await;
            if !waits(process, file) {
                *watch = None;
                continue;
            }
            let (now, holder) = (Instant::now(), holder(file));
            match watch {
                Some(watch) => {
                    let before = watch.changes();
                    watch.see(now, holder);
                    if watch.changes() > before {
                        report_progress();
                    }
                }
                None => *watch = Some(HolderWatch::new(self.patience(), now, holder)),
            }
            if watch.as_ref().is_some_and(HolderWatch::is_over) {
                return;
            }
        }
    }

    fn patience(&self) -> Patience {
        patience(self.lock_timeout)
    }
}

fn locked(
    waited: Duration,
    watch: Option<&HolderWatch<Option<u32>>>,
    output: Option<&Output>,
) -> Error {
    let message = match (watch, output) {
        (Some(watch), _) => {
            let by = watch.holder().map_or("a process".into(), |id| format!("process {id}"));
            format!("{by} has held it for {:.1?}", watch.held())
        }
        (None, Some(output)) => one_line(output),
        (None, None) => "its holder is unknown".to_owned(),
    };
    let changes = watch.map_or(0, HolderWatch::changes);
    Error::XtablesLocked { waited, changes, message }
}
