//! Injects a fault in the middle of a call, at a reproducible system call.

use std::fmt;
use std::path::Path;

use crate::binary::binary;
use crate::call::builder::CallBuilder;
use crate::outcome::Outcome;

/// What happens immediately before a system call.
///
/// A process is killed only before calls that can change something outside it, such as `write`,
/// `unlink`, `close` or `exit`. Before others, such as `mmap` or `read`, it would leave the same
/// behind as before the next call that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The plugin itself is killed with SIGKILL, even if one of its children makes the system call:
    /// as by an operator, or by the kernel when it is out of memory.
    KillPlugin,
    /// The process that makes the system call is killed: the plugin, its delegate, or another
    /// program that it runs.
    KillCaller,
    /// The system call is skipped and returns this error number, on x86_64 only.
    ///
    /// Only calls of the plugin itself count, and only those that can fail; `close`, for example,
    /// can't.
    Fail(i32),
    /// The kernel answers as one without nf_conntrack_netlink, the plugin and all its children. The
    /// number of the system call has no meaning.
    NoConntrack,
    /// The kernel answers as one without nf_tables, the plugin and all its children. The number of
    /// the system call has no meaning.
    NoNfTables,
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillPlugin => formatter.write_str("kill-plugin"),
            Self::KillCaller => formatter.write_str("kill-caller"),
            Self::Fail(error) => write!(formatter, "fail-{error}"),
            Self::NoConntrack => formatter.write_str("lacks-1"),
            Self::NoNfTables => formatter.write_str("lacks-10"),
        }
    }
}

/// The result of a call with an injected fault.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FaultedCall {
    /// A description of the fault and where it happened; `None` if it did not happen, as when the
    /// call made fewer system calls.
    pub at: Option<String>,
    /// The outcome of the call. The exit status is 137 if the plugin was killed.
    pub outcome: Outcome,
}

impl fmt::Display for FaultedCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.at.as_deref().unwrap_or("no fault"))
    }
}

/// The name of the variable that `cni-test-fault` reads, and the prefix of its report.
const MARK: &str = "CNI_TEST_FAULT";
/// Its exit status if it can't inject the fault.
const UNABLE: i32 = 99;

impl CallBuilder {
    /// Calls `program` and injects the fault immediately before the system call with this number.
    ///
    /// System calls that count for this fault (see [`Fault`]) are numbered from 1, over the program
    /// and all its children. The function returns once all of them have exited. To try every such
    /// call, increment the number until no fault happens. In a program with threads, the same
    /// number can mean different system calls in two runs.
    ///
    /// # Panics
    /// As [`CallBuilder::run`]; also if this process is not permitted to trace others.
    #[track_caller]
    pub fn run_with_fault(
        &self,
        program: impl AsRef<Path>,
        number: u64,
        fault: Fault,
    ) -> FaultedCall {
        let program = program.as_ref();
        let order = format!("{number} {fault} {}", program.display());
        let call = self.clone().env(MARK, &order).stdin(self.input(program));
        let mut outcome = call.run(binary("cni-test-fault"));
        let stderr = std::mem::take(&mut outcome.stderr);
        // A process may have been killed in the middle of a line.
        let Some((before, report)) = stderr.trim_end().rsplit_once(&format!("{MARK}: ")) else {
            panic!("{order}: cni-test-fault did not report the outcome: {outcome}\n{stderr}");
        };
        assert_ne!(outcome.code(), Some(UNABLE), "{order}: {report}");
        before.clone_into(&mut outcome.stderr);
        FaultedCall { at: (!report.starts_with("ended")).then(|| report.to_owned()), outcome }
    }
}
