//! An ordinary user is root in a user namespace.

use std::env;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Starts this program again in a user namespace, as root there, when it is not root and the kernel
/// allows it: once for all hosts, which can then be entered without a process between. When the
/// kernel does not, the first host says why.
pub(super) fn enter() {
    if rustix::process::geteuid().is_root() || !is_allowed() {
        return;
    }
    // On an error all goes on as it is.
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
