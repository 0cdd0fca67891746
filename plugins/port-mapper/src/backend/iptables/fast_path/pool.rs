//! Processes of iptables-restore that were started before their input is known.

use std::cell::RefCell;
use std::fmt;

use crate::backend::iptables::run::{RestoreProcess, Runner};
use crate::family::Family;

/// The processes that wait for their input.
#[derive(Default)]
pub(super) struct Pool(RefCell<Vec<(Family, RestoreProcess)>>);

impl Pool {
    /// Starts processes until `count` of a family wait. If one can't be started, the error is
    /// reported when it is needed.
    pub(super) async fn fill(&self, runner: &Runner, family: Family, count: usize) {
        while self.0.borrow().iter().filter(|(of, _)| *of == family).count() < count {
            let Ok(process) = runner.start_restore(family).await else { return };
            self.0.borrow_mut().push((family, process));
        }
    }

    /// Takes a process of the family, if one waits.
    pub(super) fn take(&self, family: Family) -> Option<RestoreProcess> {
        let mut all = self.0.borrow_mut();
        let index = all.iter().position(|(of, _)| *of == family)?;
        Some(all.swap_remove(index).1)
    }

    /// Ends the processes that were not needed.
    pub(super) async fn clear(&self) {
        for (_, process) in self.0.take() {
            process.stop().await;
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let families = self.0.borrow().iter().map(|(family, _)| *family).collect::<Vec<_>>();
        formatter.debug_tuple("Pool").field(&families).finish()
    }
}
