//! Lets a plugin meet with a fault in the middle of a call, at a place that can be named and tried
//! again.

use std::fmt;
use std::path::Path;

use crate::binary::binary;
use crate::call::builder::CallBuilder;
use crate::call::outcome::Outcome;

/// What happens right before a system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The plugin itself is killed with SIGKILL, whoever of its children makes the system call: as
    /// by an operator, or by the kernel for want of memory.
    KillPlugin,
    /// Whoever makes the system call is killed: the plugin, its delegate, or another program that
    /// it runs.
    KillCaller,
    /// The system call does not happen, and the plugin is told this error number. On x86_64 only.
    /// Counted are only calls of the plugin itself, and not those that the kernel always obeys,
    /// such as `close`.
    Fail(i32),
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KillPlugin => formatter.write_str("kill-plugin"),
            Self::KillCaller => formatter.write_str("kill-caller"),
            Self::Fail(error) => write!(formatter, "fail-{error}"),
        }
    }
}

/// A call with a fault in it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FaultedCall {
    /// What happened where, in words; `None` when the call made fewer system calls.
    pub at: Option<String>,
    /// What became of the plugin. Its exit status is 137 when it was killed.
    pub outcome: Outcome,
}

impl fmt::Display for FaultedCall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.at.as_deref().unwrap_or("no fault"))
    }
}

/// What the word of the program begins with, and the name of its variable.
const MARK: &str = "CNI_TEST_FAULT";
/// Its exit status when it can't do its work.
const UNABLE: i32 = 99;

impl CallBuilder {
    /// Calls `program`; the fault happens right before the system call with this number, counted
    /// from 1 over the program and all its children. Returns when all of them are gone.
    ///
    /// To try every place, count up until there is no fault any more. Where threads are at work the
    /// same number need not mean the same system call twice.
    ///
    /// # Panics
    /// As [`CallBuilder::run`]; also when this process may not trace others.
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
        let said = std::mem::take(&mut outcome.stderr);
        // Who is killed may have been in the middle of a line.
        let Some((before, words)) = said.trim_end().rsplit_once(&format!("{MARK}: ")) else {
            panic!("{order}: no word of what became of it: {outcome}\n{said}");
        };
        assert_ne!(outcome.code(), Some(UNABLE), "{order}: {words}");
        before.clone_into(&mut outcome.stderr);
        FaultedCall { at: (!words.starts_with("ended")).then(|| words.to_owned()), outcome }
    }
}
