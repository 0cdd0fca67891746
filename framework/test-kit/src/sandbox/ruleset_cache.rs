//! The firewall rules of a sandbox's network namespaces, as they were last listed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cni_netlink::nftables::Generation;

/// A listing, and the generation of nf_tables that it shows.
type Listing = (Generation, Arc<str>);

/// The last listing of each network namespace. The sandbox's own namespace has no name.
#[derive(Debug, Default)]
pub(crate) struct RulesetCache(Mutex<HashMap<Option<String>, Listing>>);

impl RulesetCache {
    /// Returns the last listing of a namespace.
    pub(crate) fn get(&self, netns: &Option<String>) -> Option<Listing> {
        self.lock().get(netns).cloned()
    }

    /// Remembers a listing.
    pub(crate) fn insert(&self, netns: &Option<String>, generation: Generation, text: Arc<str>) {
        self.lock().insert(netns.clone(), (generation, text));
    }

    /// Forgets a container's rules, since another container may get its name.
    pub(crate) fn forget(&self, container: &str) {
        self.lock().remove(&Some(container.to_owned()));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Option<String>, Listing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
