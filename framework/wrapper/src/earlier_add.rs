//! What a call has found of an earlier ADD of its attachment, and the question to the kernel.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use cni_netlink::link::Links;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::{Errno, retry_on_intr};

use crate::{error::Error, kit::namespace::NamespaceId};

/// Whether the interface of an attachment exists in the container's namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interface {
    Exists,
    Missing,
    /// The namespace can't be examined, or its interface proves nothing.
    Unknown,
}

/// What the layers of a call have found. All clones of a call share it.
#[derive(Debug, Default)]
pub(crate) struct EarlierAdd {
    interface: OnceLock<Interface>,
    /// Whether the attachment existed, by the depth of the layer that found out.
    found: Mutex<BTreeMap<usize, bool>>,
    /// Whether the toolkit has a record of an ADD with delegates, once that was looked for.
    record: OnceLock<bool>,
    /// The identity of the namespace of the call, once it was looked up.
    namespace: OnceLock<Option<NamespaceId>>,
    /// Whether a layer found the attachment in another namespace.
    is_elsewhere: AtomicBool,
}

impl EarlierAdd {
    /// Returns whether the interface exists. The kernel is asked once for each call.
    pub(crate) fn interface(&self, netns: Option<&str>, ifname: &str) -> Interface {
        *self.interface.get_or_init(|| interface(netns, ifname))
    }

    /// Returns the identity of the namespace of the call. It is looked up once.
    pub(crate) fn namespace(
        &self,
        look_up: impl FnOnce() -> Option<NamespaceId>,
    ) -> Option<&NamespaceId> {
        self.namespace.get_or_init(look_up).as_ref()
    }

    /// Returns whether the toolkit has a record of the attachment. It is looked for once.
    ///
    /// # Errors
    ///
    /// That of `find`.
    pub(crate) fn has_record(
        &self,
        find: impl FnOnce() -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        if let Some(found) = self.record.get() {
            return Ok(*found);
        }
        let found = find()?;
        Ok(*self.record.get_or_init(|| found))
    }

    fn found(&self) -> MutexGuard<'_, BTreeMap<usize, bool>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that the attachment exists in another namespace, so that no layer undoes anything.
    pub(crate) fn note_elsewhere(&self) {
        self.is_elsewhere.store(true, Ordering::Relaxed);
    }

    /// Records what the layer at this depth found. Its first answer counts: what it finds when an
    /// ADD is retried may be of the failed attempt.
    pub(crate) fn record(&self, depth: usize, exists: bool) {
        self.found().entry(depth).or_insert(exists);
    }

    /// Returns whether the layer at this depth has begun its ADD.
    pub(crate) fn is_known(&self, depth: usize) -> bool {
        self.found().contains_key(&depth)
    }

    /// Returns whether the layer at this depth or one outside of it found the attachment: the ADD
    /// of an outer layer succeeds only after that of the inner ones.
    pub(crate) fn exists(&self, depth: usize) -> bool {
        let found = self.found();
        self.is_elsewhere.load(Ordering::Relaxed)
            || found.range(..=depth).any(|(_, exists)| *exists)
    }
}

/// The link that every namespace has from the beginning.
const LOOPBACK: &str = "lo";

fn interface(netns: Option<&str>, ifname: &str) -> Interface {
    let Some(netns) = netns else { return Interface::Missing };
    if ifname == LOOPBACK {
        return Interface::Unknown;
    }
    // Nonblocking, because the path may be that of a pipe.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match retry_on_intr(|| open(netns, flags, Mode::empty())) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Interface::Missing,
        Err(_) => return Interface::Unknown,
    };
    match Links::open().and_then(|mut links| links.exists_in(&file, ifname)) {
        Ok(true) => Interface::Exists,
        Ok(false) => Interface::Missing,
        Err(error) => {
            log::info!("whether the attachment exists is not known: {error}");
            Interface::Unknown
        }
    }
}
