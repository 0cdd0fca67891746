//! A system call that does not happen: its number is taken away when it begins, and the error put
//! in place of its result when it ends.

use nix::libc;
use nix::unistd::Pid;

/// Calls that do not fail as the kernel makes them, or (close) do their work all the same: a
/// program is not to blame for what it does when they fail.
const NEVER: [libc::c_long; 21] = [
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_epoll_pwait,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_munmap,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
];

/// Whether a call can fail: its number and arguments.
pub(crate) fn can_fail(call: &[u64]) -> bool {
    let is = |known: libc::c_long| call.first() == Some(&known.cast_unsigned());
    // How the standard library hears whether its child's exec went well: it waits for the child for
    // ever when it can't.
    let word_of_exec = is(libc::SYS_recvfrom) && call.get(3) == Some(&8);
    // What is watched already can always be watched for something else.
    let watched = is(libc::SYS_epoll_ctl) && call.get(2) == Some(&3);
    !word_of_exec && !watched && !NEVER.into_iter().any(is)
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn take_away(caller: Pid) -> nix::Result<()> {
    let mut registers = nix::sys::ptrace::getregs(caller)?;
    registers.orig_rax = u64::MAX;
    nix::sys::ptrace::setregs(caller, registers)
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn answer(caller: Pid, error: i32) -> nix::Result<()> {
    let mut registers = nix::sys::ptrace::getregs(caller)?;
    registers.rax = i64::from(-error).cast_unsigned();
    nix::sys::ptrace::setregs(caller, registers)
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn take_away(_: Pid) -> nix::Result<()> {
    Err(nix::errno::Errno::ENOSYS)
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn answer(_: Pid, _: i32) -> nix::Result<()> {
    Err(nix::errno::Errno::ENOSYS)
}
