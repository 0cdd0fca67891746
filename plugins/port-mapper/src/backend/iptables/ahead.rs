//! iptables-restore, started before it is known what it is to be told: it takes no lock and reads no rules until then.
//!
//! Half of what such a process costs is its start. So it is spent while others hold the lock, or while the rules are looked at.

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;

use cni_wrapper::exec::Child;

use crate::family::Family;

/// One that waits for its text; it is killed when this is dropped.
pub(super) struct Ahead {
    pub(super) program: PathBuf,
    pub(super) started: Child,
}

/// Those that wait.
#[derive(Default)]
pub(super) struct Stock(RefCell<Vec<(Family, Ahead)>>);

impl Stock {
    pub(super) fn count(&self, family: Family) -> usize {
        self.0.borrow().iter().filter(|(of, _)| *of == family).count()
    }

    pub(super) fn put(&self, family: Family, ahead: Ahead) {
        self.0.borrow_mut().push((family, ahead));
    }

    /// Ends those that nobody needs.
    pub(super) async fn dismiss(&self) {
        for (_, Ahead { started, .. }) in self.0.take() {
            started.kill().await;
        }
    }

    pub(super) fn take(&self, family: Family) -> Option<Ahead> {
        let mut all = self.0.borrow_mut();
        let index = all.iter().position(|(of, _)| *of == family)?;
        Some(all.swap_remove(index).1)
    }
}

impl fmt::Debug for Stock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let families = self.0.borrow().iter().map(|(family, _)| *family).collect::<Vec<_>>();
        formatter.debug_tuple("Stock").field(&families).finish()
    }
}
