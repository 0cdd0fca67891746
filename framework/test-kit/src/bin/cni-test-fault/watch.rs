//! Traces a program and all its children, counts their system calls, and strikes.

use std::collections::HashMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use crate::order::{Fault, MARK, Order};
use crate::refuse;

/// The exit status that stands for a plugin that was killed, as shells have it.
const KILLED: u8 = 128 + 9;

/// What became of the plugin.
pub(crate) struct End {
    pub(crate) status: u8,
    pub(crate) words: String,
}

/// What is known of the traced processes and threads.
struct Watch<'o> {
    order: &'o Order,
    plugin: Pid,
    /// Those that have reported their first stop, and whether they are within a system call.
    within: HashMap<Pid, bool>,
    calls: u64,
    /// What was done.
    done: Option<String>,
    /// Whose call, now under way, is to end with an error.
    failing: Option<(Pid, i32)>,
    status: u8,
}

/// Runs the program to its end, with the fault.
pub(crate) fn carry_out(order: &Order) -> Result<End, String> {
    let plugin = start(&order.program)?;
    let mut watch = Watch {
        order,
        plugin,
        within: HashMap::from([(plugin, false)]),
        calls: 0,
        done: None,
        failing: None,
        status: KILLED,
    };
    loop {
        match waitpid(None, Some(WaitPidFlag::__WALL)) {
            Ok(status) => watch.see(status)?,
            // Nobody is left.
            Err(Errno::ECHILD) => break,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(format!("waiting: {error}")),
        }
    }
    let words = watch.done.unwrap_or_else(|| format!("ended after {} system calls", watch.calls));
    Ok(End { status: watch.status, words })
}

/// Starts the program, which is stopped behind its `exec`.
fn start(program: &str) -> Result<Pid, String> {
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).env_remove(MARK);
    #[expect(unsafe_code, reason = "pre_exec has no safe form")]
    // SAFETY: between fork and exec one system call is made: nothing allocates and no lock is
    // taken.
    unsafe {
        command.pre_exec(|| Ok(ptrace::traceme()?));
    }
    let child = command.spawn().map_err(|error| format!("{program}: {error}"))?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(|error| error.to_string())?);
    let stopped = waitpid(pid, None).map_err(|error| error.to_string())?;
    let options = Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL;
    ptrace::setoptions(pid, options).map_err(|error| format!("{stopped:?}: {error}"))?;
    ptrace::syscall(pid, None).map_err(|error| error.to_string())?;
    Ok(pid)
}

impl Watch<'_> {
    fn see(&mut self, status: WaitStatus) -> Result<(), String> {
        match status {
            WaitStatus::PtraceSyscall(pid) => {
                if self.enters(pid) {
                    self.begins(pid)?;
                } else {
                    self.ends(pid)?;
                }
                self.go_on(pid, None);
            }
            WaitStatus::PtraceEvent(pid, ..) => self.go_on(pid, None),
            WaitStatus::Stopped(pid, signal) => {
                // The first stop of a new one is the tracer's, not a signal for it.
                let is_new = !self.within.contains_key(&pid);
                self.within.entry(pid).or_default();
                let ours = is_new && signal == Signal::SIGSTOP;
                self.go_on(pid, (!ours).then_some(signal));
            }
            WaitStatus::Exited(pid, status) if pid == self.plugin => {
                self.status = u8::try_from(status).unwrap_or(u8::MAX);
            }
            _ => {}
        }
        Ok(())
    }

    /// A call stops twice, when it begins and when it ends; nothing but the order tells which it
    /// is.
    fn enters(&mut self, pid: Pid) -> bool {
        let within = self.within.entry(pid).or_default();
        *within = !*within;
        *within
    }

    fn begins(&mut self, caller: Pid) -> Result<(), String> {
        let call = call_of(caller);
        let fails = matches!(self.order.fault, Fault::Fail(_));
        if fails && !(self.is_of_plugin(caller) && refuse::can_fail(&call)) {
            return Ok(());
        }
        self.calls += 1;
        if self.done.is_some() || self.calls != self.order.number {
            return Ok(());
        }
        let (call, by) = (call.first().copied().unwrap_or_default(), name_of(caller));
        let place = format!("before call {} (system call {call} by {by})", self.calls);
        self.done = Some(match self.order.fault {
            Fault::KillPlugin => killed(self.plugin, &place),
            Fault::KillCaller => killed(caller, &place),
            Fault::Fail(error) => {
                refuse::take_away(caller).map_err(|error| format!("{place}: {error}"))?;
                self.failing = Some((caller, error));
                format!("{} {place}", Errno::from_raw(error))
            }
        });
        Ok(())
    }

    /// Whether it is a thread of the plugin itself.
    fn is_of_plugin(&self, caller: Pid) -> bool {
        Path::new(&format!("/proc/{}/task/{caller}", self.plugin)).exists()
    }

    fn ends(&mut self, caller: Pid) -> Result<(), String> {
        if let Some((_, error)) = self.failing.take_if(|(pid, _)| *pid == caller) {
            refuse::answer(caller, error).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Who is dead has nothing to go on with; who lives is no longer stopped once all is done.
    fn go_on(&self, pid: Pid, signal: Option<Signal>) {
        let _ = match (&self.done, self.failing) {
            (Some(_), None) => ptrace::cont(pid, signal),
            _ => ptrace::syscall(pid, signal),
        };
    }
}

fn killed(victim: Pid, place: &str) -> String {
    let name = name_of(victim);
    match kill(victim, Signal::SIGKILL) {
        Ok(()) => format!("{name} killed {place}"),
        Err(error) => format!("{name} can't be killed {place}: {error}"),
    }
}

/// Number and arguments as the kernel has them; nothing when the caller is gone.
fn call_of(pid: Pid) -> Vec<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/syscall")).unwrap_or_default();
    let number = |word: &str| match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    };
    text.split_whitespace().map_while(number).collect()
}

fn name_of(pid: Pid) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    name.trim_end().to_owned()
}
