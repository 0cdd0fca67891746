//! Traces a program and all its children, counts their system calls, and injects the fault.

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

use crate::effect;
use crate::lack;
use crate::order::{Fault, MARK, Order};
use crate::skip;

/// The exit status for a killed plugin, as in shells.
const KILLED: u8 = 128 + 9;

/// The outcome of the run.
pub(crate) struct End {
    pub(crate) status: u8,
    pub(crate) report: String,
}

/// The state of the traced processes and threads.
struct Trace<'o> {
    order: &'o Order,
    plugin: Pid,
    /// Those that have reported their first stop, and whether they are inside a system call.
    within: HashMap<Pid, bool>,
    calls: u64,
    /// The report of the injected fault.
    done: Option<String>,
    /// The process whose current call must return an error.
    failing: Option<(Pid, i32)>,
    /// The number of requests that the kernel was made to refuse.
    refused: u64,
    status: u8,
}

/// Runs the program until it exits, with the fault.
pub(crate) fn run(order: &Order) -> Result<End, String> {
    let plugin = start(&order.program)?;
    let mut trace = Trace {
        order,
        plugin,
        within: HashMap::from([(plugin, false)]),
        calls: 0,
        done: None,
        failing: None,
        refused: 0,
        status: KILLED,
    };
    loop {
        match waitpid(None, Some(WaitPidFlag::__WALL)) {
            Ok(status) => trace.handle(status)?,
            // No process is left.
            Err(Errno::ECHILD) => break,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(format!("waiting: {error}")),
        }
    }
    let report = match (trace.done, trace.refused) {
        (Some(report), _) => report,
        (None, 0) => format!("ended after {} system calls", trace.calls),
        (None, refused) => format!("{refused} requests to the subsystem were refused"),
    };
    Ok(End { status: trace.status, report })
}

/// Starts the program, which stops after its `exec`.
fn start(program: &str) -> Result<Pid, String> {
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).env_remove(MARK);
    #[expect(unsafe_code, reason = "pre_exec has no safe form")]
    // SAFETY: only one system call is made between fork and exec, without allocation or locks.
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

impl Trace<'_> {
    fn handle(&mut self, status: WaitStatus) -> Result<(), String> {
        match status {
            WaitStatus::PtraceSyscall(pid) => {
                if self.enters(pid) {
                    self.begins(pid)?;
                } else {
                    self.ends(pid)?;
                }
                self.resume(pid, None);
            }
            WaitStatus::PtraceEvent(pid, ..) => self.resume(pid, None),
            WaitStatus::Stopped(pid, signal) => {
                // The first stop of a new process is caused by tracing, not by a signal to it.
                let is_new = !self.within.contains_key(&pid);
                self.within.entry(pid).or_default();
                let by_tracing = is_new && signal == Signal::SIGSTOP;
                self.resume(pid, (!by_tracing).then_some(signal));
            }
            WaitStatus::Exited(pid, status) if pid == self.plugin => {
                self.status = u8::try_from(status).unwrap_or(u8::MAX);
            }
            _ => {}
        }
        Ok(())
    }

    /// Reports whether a stop is the beginning of a call. A call stops when it begins and when it
    /// ends, and only the order distinguishes the two.
    fn enters(&mut self, pid: Pid) -> bool {
        let within = self.within.entry(pid).or_default();
        *within = !*within;
        *within
    }

    fn begins(&mut self, caller: Pid) -> Result<(), String> {
        let call = call_of(caller);
        if let Fault::Lacks(subsystem) = self.order.fault {
            let changed = lack::begin(caller, &call, subsystem);
            self.refused += u64::from(changed.map_err(|error| format!("{caller}: {error}"))?);
            return Ok(());
        }
        let counts = match self.order.fault {
            Fault::Fail(_) => self.is_of_plugin(caller) && skip::can_fail(&call),
            _ => effect::is_outside(&call),
        };
        if !counts {
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
                skip::begin(caller).map_err(|error| format!("{place}: {error}"))?;
                self.failing = Some((caller, error));
                format!("{} {place}", Errno::from_raw(error))
            }
            Fault::Lacks(_) => return Ok(()),
        });
        Ok(())
    }

    /// Reports whether the caller is a thread of the plugin itself.
    fn is_of_plugin(&self, caller: Pid) -> bool {
        Path::new(&format!("/proc/{}/task/{caller}", self.plugin)).exists()
    }

    fn ends(&mut self, caller: Pid) -> Result<(), String> {
        if let Some((_, error)) = self.failing.take_if(|(pid, _)| *pid == caller) {
            skip::end(caller, error).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Lets a process continue, without further stops once the fault has been injected. Fails only
    /// for a process that has died.
    fn resume(&self, pid: Pid, signal: Option<Signal>) {
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

/// Returns the number and the arguments of the current call; empty if the caller has died.
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
