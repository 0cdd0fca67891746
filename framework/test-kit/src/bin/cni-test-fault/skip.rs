//! Skips a system call: its number is replaced when it begins, and its result by an error when it
//! ends.

use nix::libc;
use nix::unistd::Pid;

/// Calls that never fail, or (`close`) do their work even if they fail. A program need not handle
/// their failure.
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

/// Reports whether a call, given as its number and arguments, can fail.
pub(crate) fn can_fail(call: &[u64]) -> bool {
    let is = |known: libc::c_long| call.first() == Some(&known.cast_unsigned());
    // By this call the standard library learns whether its child's exec succeeded. If the call
    // fails, it waits for the child forever.
    let result_of_exec = is(libc::SYS_recvfrom) && call.get(3) == Some(&8);
    // Modifying a registered descriptor (EPOLL_CTL_MOD) always succeeds.
    let is_modification = is(libc::SYS_epoll_ctl) && call.get(2) == Some(&3);
    !result_of_exec && !is_modification && !NEVER.into_iter().any(is)
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn begin(caller: Pid) -> nix::Result<()> {
    let mut registers = nix::sys::ptrace::getregs(caller)?;
    registers.orig_rax = u64::MAX;
    nix::sys::ptrace::setregs(caller, registers)
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn end(caller: Pid, error: i32) -> nix::Result<()> {
    let mut registers = nix::sys::ptrace::getregs(caller)?;
    registers.rax = i64::from(-error).cast_unsigned();
    nix::sys::ptrace::setregs(caller, registers)
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn begin(_: Pid) -> nix::Result<()> {
    Err(nix::errno::Errno::ENOSYS)
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn end(_: Pid, _: i32) -> nix::Result<()> {
    Err(nix::errno::Errno::ENOSYS)
}
