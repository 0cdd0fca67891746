//! Lists links, addresses, routes and policy rules.
//!
//! Tests take many snapshots, and most are equal to an earlier one. Starting `ip` is expensive, so
//! its output is kept for each state that the kernel reports over netlink.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use crate::sandbox::netns::Netns;
use crate::snapshot::kernel_state::kernel_state;

/// Lists links, addresses, routes and policy rules, one per line.
const IP: &str = "ip -oneline -batch - <<END
link show
address show
route show table all
rule show
END
ip -oneline -6 rule show 2>/dev/null || true
";

/// How many outputs are kept. Each has a few kilobytes.
const REMEMBERED: usize = 4096;

/// The output of `ip` for each state of a kernel. It depends on nothing else, on any host.
static PRINTED: LazyLock<Mutex<HashMap<Vec<u8>, Arc<str>>>> = LazyLock::new(Mutex::default);

/// Returns the output of [`IP`].
pub(super) fn ip(netns: &Netns) -> Arc<str> {
    let state = || Some(netns.within_network(kernel_state).flatten()?.bytes);
    let before = state();
    if let Some(printed) = before.as_ref().and_then(|state| lock(&PRINTED).get(state).cloned()) {
        return printed;
    }
    let printed: Arc<str> = netns.sh(IP).into();
    // The state may have changed in between, such as the carrier of a link.
    if let Some(state) = state().filter(|after| Some(after) == before.as_ref()) {
        let mut remembered = lock(&PRINTED);
        if remembered.len() >= REMEMBERED {
            remembered.clear();
        }
        remembered.insert(state, printed.clone());
    }
    printed
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
