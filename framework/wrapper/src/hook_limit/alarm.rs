//! The alarm for a hook that blocks its thread.
#![allow(unsafe_code, reason = "a signal handler, and the system calls that it may make")]

use std::{
    ffi::{CString, c_char, c_int},
    os::fd::RawFd,
    ptr::null_mut,
    sync::{
        Once, OnceLock,
        atomic::{AtomicI32, AtomicPtr, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use cni_protocol::Verb;

use super::restarted::{Restarted, Undo, VARIABLE};
use crate::call::Call;

/// How much later than its limit a hook is taken to block its thread.
const GRACE: Duration = Duration::from_secs(1);

/// The variable for the restarted program, of the hook that runs now.
static RUNNING: AtomicPtr<c_char> = AtomicPtr::new(null_mut());
/// The input of this call.
static INPUT: AtomicPtr<u8> = AtomicPtr::new(null_mut());
static INPUT_LENGTH: AtomicUsize = AtomicUsize::new(0);
/// The private descriptor of stdout.
static STDOUT: AtomicI32 = AtomicI32::new(1);
/// What this program was restarted for.
static RESTARTED: OnceLock<Restarted> = OnceLock::new();
static IS_ENABLED: OnceLock<()> = OnceLock::new();

/// Enables alarms in this process, which is a plugin with this input: the restarted program gets it
/// again.
pub(crate) fn enable(input: Vec<u8>, stdout: RawFd, restarted: Option<&Restarted>) {
    let input = input.leak();
    INPUT_LENGTH.store(input.len(), SeqCst);
    INPUT.store(input.as_mut_ptr(), SeqCst);
    STDOUT.store(stdout, SeqCst);
    if let Some(restarted) = restarted {
        let _ = RESTARTED.set(restarted.clone());
    }
    let _ = IS_ENABLED.set(());
}

/// An alarm that is set until it is dropped.
pub(crate) struct Alarm(());

/// Sets the alarm for a hook; `None` in a process that is not a plugin, such as a unit test.
pub(crate) fn set(hook: &'static str, limit: Duration, call: &Call) -> Option<Alarm> {
    IS_ENABLED.get()?;
    install();
    let undo = match call.verb {
        Verb::Add if call.has_earlier_add() => Undo::LeftAlone,
        Verb::Add => Undo::Del,
        _ => Undo::Nothing,
    };
    let restarted = Restarted::new(hook, limit, undo).after(RESTARTED.get());
    let variable = CString::new(format!("{VARIABLE}={}", restarted.value())).ok()?;
    // It is never freed, since the handler may read it at any time. A call has few hooks.
    RUNNING.store(variable.into_raw(), SeqCst);
    let time = limit + GRACE;
    let value = libc::itimerval {
        it_interval: libc::timeval { tv_sec: 0, tv_usec: 0 },
        it_value: libc::timeval {
            tv_sec: time.as_secs().try_into().ok()?,
            tv_usec: time.subsec_micros().into(),
        },
    };
    // SAFETY: the value is initialized, and the old one is not asked for.
    unsafe { libc::setitimer(libc::ITIMER_REAL, &value, null_mut()) };
    Some(Alarm(()))
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // The timer goes on, for the price of no system call, and finds nothing to do.
        RUNNING.store(null_mut(), SeqCst);
    }
}

fn install() {
    static INSTALLED: Once = Once::new();
    // SAFETY: the action is initialized, and the handler makes only calls that are safe in one.
    INSTALLED.call_once(|| unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_alarm as *const () as usize;
        // The restarted program must not begin with the signal blocked.
        action.sa_flags = libc::SA_RESTART | libc::SA_NODEFER;
        libc::sigaction(libc::SIGALRM, &action, null_mut());
    });
}

unsafe extern "C" {
    static environ: *const *const c_char;
}

/// Restarts the program if a hook runs. Only system calls and memory of this function: the thread
/// that it interrupts may hold any lock.
extern "C" fn on_alarm(_: c_int) {
    let variable = RUNNING.load(SeqCst);
    if variable.is_null() {
        return;
    }
    // SAFETY: all pointers are of static or leaked memory, and end with a null as execve(2) needs.
    unsafe {
        restore_input();
        libc::dup2(STDOUT.load(SeqCst), 1);
        let mut text = [0; 8192];
        let mut arguments = [std::ptr::null(); 64];
        read_arguments(&mut text, &mut arguments);
        let mut variables = [std::ptr::null(); 1024];
        copy_environment(variable, &mut variables);
        libc::execve(c"/proc/self/exe".as_ptr(), arguments.as_ptr(), variables.as_ptr());
        let failed = "a hook blocks, and the plugin can't be restarted to undo the ADD\n";
        libc::write(2, failed.as_ptr().cast(), failed.len());
        libc::_exit(1);
    }
}

/// Makes the input of this call stdin again.
unsafe fn restore_input() {
    // SAFETY: the input is leaked, and its length belongs to it.
    unsafe {
        let file = libc::memfd_create(c"input".as_ptr(), 0);
        let (mut input, mut left) = (INPUT.load(SeqCst), INPUT_LENGTH.load(SeqCst));
        while left > 0 {
            let Ok(written) = usize::try_from(libc::write(file, input.cast(), left)) else { break };
            (input, left) = (input.add(written), left - written);
        }
        libc::lseek(file, 0, libc::SEEK_SET);
        libc::dup2(file, 0);
    }
}

/// Reads the arguments of this process. Those that don't fit are left out.
unsafe fn read_arguments(text: &mut [u8; 8192], arguments: &mut [*const c_char; 64]) {
    // SAFETY: the kernel writes at most the length of the buffer, less the last null.
    let length = unsafe {
        let file = libc::open(c"/proc/self/cmdline".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        libc::read(file, text.as_mut_ptr().cast(), text.len() - 1)
    };
    let mut is_begin = true;
    let mut count = 0;
    for byte in &text[..usize::try_from(length).unwrap_or(0)] {
        if is_begin && count + 1 < arguments.len() {
            arguments[count] = std::ptr::from_ref(byte).cast();
            count += 1;
        }
        is_begin = *byte == 0;
    }
}

/// Copies the pointers of the environment, and adds the variable in place of an earlier one.
unsafe fn copy_environment(variable: *const c_char, variables: &mut [*const c_char; 1024]) {
    variables[0] = variable;
    let mut count = 1;
    // SAFETY: the environment of the process ends with a null, as does each variable.
    unsafe {
        let mut next = environ;
        while !next.is_null() && !(*next).is_null() && count + 1 < variables.len() {
            if libc::strncmp(*next, variable, VARIABLE.len() + 1) != 0 {
                variables[count] = *next;
                count += 1;
            }
            next = next.add(1);
        }
    }
}
