//! Waits for conditions.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use cni_test_kit::Host;

/// Waits for a condition. The limit only ends a test that hangs.
#[track_caller]
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < Duration::from_secs(120), "timed out waiting until {what}");
        thread::sleep(Duration::from_millis(2));
    }
}

/// How /proc shows the system call `flock`.
const FLOCK: &str = if cfg!(target_arch = "x86_64") { "73 " } else { "32 " };

/// Reports whether any process on the host waits for a lock on a file.
pub(crate) fn is_waiting_for_a_lock(host: &Host) -> bool {
    let is_in_flock = |thread: fs::DirEntry| {
        let call = fs::read_to_string(thread.path().join("syscall"));
        // A thread that has ended does not wait.
        call.is_ok_and(|call| call.starts_with(FLOCK))
    };
    host.processes().iter().any(|process| {
        let threads = format!("/proc/{}/root/proc/{}/task", host.pid(), process.pid);
        fs::read_dir(threads).into_iter().flatten().flatten().any(is_in_flock)
    })
}

/// Reports whether a process on the host holds the lock on a file.
pub(crate) fn is_locked(host: &Host, file: &str) -> bool {
    let mut flock = host.command("flock");
    !flock.args(["--nonblock", file, "true"]).status().expect("flock").success()
}
