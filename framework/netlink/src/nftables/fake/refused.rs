//! What the kernel would say no with.

use crate::error::{Cause, Refusal, errno};

/// No data: a register is read that nothing was loaded to.
pub(super) const ENODATA: i32 = 61;
/// Out of range: a name is too long.
pub(super) const ERANGE: i32 = 34;

/// An error number, and what it means here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refused {
    errno: i32,
    advice: Option<String>,
}

impl Refused {
    pub(super) fn new(errno: i32, advice: impl Into<String>) -> Self {
        Self { errno, advice: Some(advice.into()) }
    }

    /// Without a word, as when a test planned it.
    pub(super) fn bare(errno: i32) -> Self {
        Self { errno, advice: None }
    }

    pub(super) fn absent(noun: &str, name: &str) -> Self {
        Self::new(errno::ENOENT, format!("there is no {noun} {name}"))
    }

    pub(super) fn busy() -> Self {
        Self::new(errno::EBUSY, "something still refers to it")
    }

    pub(super) fn different() -> Self {
        Self::new(errno::EEXIST, "it is there already, and different")
    }

    pub(super) fn cause(self) -> Cause {
        let refusal = Refusal::new(self.errno);
        match self.advice {
            Some(advice) => Cause::Explained { refusal, advice },
            None => Cause::Refused(refusal),
        }
    }
}
