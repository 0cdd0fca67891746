//! Makes an ordinary user root in a user namespace.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Restarts this program as root in a user namespace if it is not root and the kernel allows it.
///
/// All hosts share the namespace, so that they can be entered directly. If the kernel does not
/// allow it, creating the first host fails with the reason.
pub(super) fn enter() {
    if rustix::process::geteuid().is_root() || !is_allowed() {
        return;
    }
    // On an error the program continues without the namespace.
    let Ok(program) = env::current_exe() else { return };
    let _ = unshare().arg(program).args(env::args_os().skip(1)).exec();
}

fn is_allowed() -> bool {
    let mut attempt = unshare();
    attempt.arg("true").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    attempt.status().is_ok_and(|status| status.success())
}

fn unshare() -> Command {
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--"]);
    command
}
