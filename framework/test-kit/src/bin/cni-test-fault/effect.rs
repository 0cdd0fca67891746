//! Which system calls change something outside the process that makes them.

use nix::libc;

/// Calls that only read, wait, or change the caller's memory, signals or identity in a running
/// process. A process that is killed before such a call leaves the same behind as one that is
/// killed before its next call.
const ONLY_WITHIN: [libc::c_long; 63] = [
    libc::SYS_brk,
    libc::SYS_capget,
    libc::SYS_clock_getres,
    libc::SYS_clock_gettime,
    libc::SYS_clock_nanosleep,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_fstat,
    libc::SYS_fstatfs,
    libc::SYS_futex,
    libc::SYS_getcwd,
    libc::SYS_getdents64,
    libc::SYS_getegid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getpeername,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getrandom,
    libc::SYS_getsockname,
    libc::SYS_getsockopt,
    libc::SYS_gettid,
    libc::SYS_getuid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_mmap,
    libc::SYS_mprotect,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_nanosleep,
    libc::SYS_newfstatat,
    libc::SYS_pidfd_open,
    libc::SYS_pipe2,
    libc::SYS_ppoll,
    libc::SYS_pread64,
    libc::SYS_prlimit64,
    libc::SYS_read,
    libc::SYS_readlinkat,
    libc::SYS_readv,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_restart_syscall,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_yield,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_sigaltstack,
    libc::SYS_socket,
    libc::SYS_statfs,
    libc::SYS_statx,
    libc::SYS_sysinfo,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
    libc::SYS_uname,
];

/// Those that only older architectures have.
#[cfg(target_arch = "x86_64")]
const OF_OLDER_ARCHITECTURES: [libc::c_long; 10] = [
    libc::SYS_access,
    libc::SYS_arch_prctl,
    libc::SYS_epoll_create,
    libc::SYS_epoll_wait,
    libc::SYS_lstat,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_select,
    libc::SYS_stat,
];
#[cfg(not(target_arch = "x86_64"))]
const OF_OLDER_ARCHITECTURES: [libc::c_long; 0] = [];

/// Reports whether a call, given as its number and arguments, can change something outside the
/// process that makes it. Unknown calls can.
pub(crate) fn is_outside(call: &[u64]) -> bool {
    let is = |known: libc::c_long| call.first() == Some(&known.cast_unsigned());
    let only_within = is_opening_for_reading(call)
        || ONLY_WITHIN.into_iter().any(is)
        || OF_OLDER_ARCHITECTURES.into_iter().any(is);
    !only_within
}

/// Reports whether a call opens a file that exists, and only for reading.
fn is_opening_for_reading(call: &[u64]) -> bool {
    let changes = [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC, libc::O_TMPFILE];
    // O_TMPFILE contains O_DIRECTORY, with which directories are read.
    let changes = changes.into_iter().fold(0, |all, flag| all | flag) & !libc::O_DIRECTORY;
    call.first() == Some(&libc::SYS_openat.cast_unsigned())
        && call.get(3).is_some_and(|flags| flags & u64::from(changes.cast_unsigned()) == 0)
}
