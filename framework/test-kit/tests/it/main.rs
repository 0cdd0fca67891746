//! All integration tests of this crate, as one binary. They need what a `Host` needs: root, or a
//! kernel that gives users namespaces.

mod bridge;
mod call;
mod fault;
mod host;
mod reuse;
mod scripted_plugin;
mod traffic;

use std::time::{Duration, Instant};

/// Waits for a condition. The limit is there to end a hang, however slow the machine is.
#[track_caller]
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    const LIMIT: Duration = Duration::from_secs(120);
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < LIMIT, "after {LIMIT:?} still not so: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}
