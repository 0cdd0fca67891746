//! Refusals like those of the kernel.

use crate::error::{Cause, Refusal, errno};

/// No data: a register is read that was never loaded.
pub(super) const ENODATA: i32 = 61;
/// Out of range: a name is too long.
pub(super) const ERANGE: i32 = 34;

/// A refusal: the error number, and the probable cause if there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ExplainedRefusal {
    errno: i32,
    advice: Option<String>,
}

impl ExplainedRefusal {
    pub(super) fn new(errno: i32, advice: impl Into<String>) -> Self {
        Self { errno, advice: Some(advice.into()) }
    }

    /// Returns a refusal without a cause, such as one that a test has planned.
    pub(super) fn bare(errno: i32) -> Self {
        Self { errno, advice: None }
    }

    pub(super) fn absent(noun: &str, name: &str) -> Self {
        Self::new(errno::ENOENT, format!("{noun} {name} does not exist"))
    }

    pub(super) fn busy() -> Self {
        Self::new(errno::EBUSY, "it is still referenced")
    }

    pub(super) fn different() -> Self {
        Self::new(errno::EEXIST, "it exists with another definition")
    }

    pub(super) fn cause(self) -> Cause {
        let refusal = Refusal::new(self.errno);
        match self.advice {
            Some(advice) => Cause::Explained { refusal, advice },
            None => Cause::Refused(refusal),
        }
    }
}
