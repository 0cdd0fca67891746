//! What a case comes to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::severity::Severity;

/// What a case found: nothing to object to, or why it stopped.
pub type CaseResult<T = ()> = Result<T, Stop>;

/// Why a case stopped before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The plugin does not do what the requirement says.
    Finding(Finding),
    /// The case has nothing to look at in this plugin; the reason.
    Skip(String),
    /// The specification leaves it open; what was seen.
    Info(String),
}

/// A deviation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What should have been seen.
    pub expected: String,
    /// What was seen.
    pub actual: String,
}

impl Stop {
    /// A deviation.
    pub fn finding(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self::Finding(Finding { expected: expected.into(), actual: actual.into() })
    }

    /// Nothing to look at.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self::Skip(reason.into())
    }
}

/// Objects unless `holds`. `actual` is only called when it does not.
///
/// # Errors
/// The finding.
pub fn expect<A: Into<String>>(
    holds: bool,
    expected: impl Into<String>,
    actual: impl FnOnce() -> A,
) -> CaseResult {
    if holds { Ok(()) } else { Err(Stop::finding(expected, actual())) }
}

/// How a case ended for a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The plugin does what the requirement says.
    Pass,
    /// It breaks a MUST.
    Fail,
    /// It breaks a SHOULD, or a convention that others depend on.
    Warn,
    /// It is less strict than it could be, or the specification leaves the matter open.
    Info,
    /// There was nothing to look at.
    Skip,
    /// The harness could not find out: its own fault, or the machine's, never the plugin's.
    Broken,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Pass, Self::Fail, Self::Warn, Self::Info, Self::Skip, Self::Broken];

    /// The verdict on a case that came to this, for a requirement of this weight.
    pub fn of(judgement: &CaseResult, severity: Severity) -> Self {
        match judgement {
            Ok(()) => Self::Pass,
            Err(Stop::Skip(_)) => Self::Skip,
            Err(Stop::Info(_)) => Self::Info,
            Err(Stop::Finding(_)) => match severity {
                Severity::Must => Self::Fail,
                Severity::Should | Severity::Convention => Self::Warn,
                Severity::Stricter => Self::Info,
            },
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Skip => "skip",
            Self::Broken => "broken",
        }
    }

    /// The sign for it, in reports.
    pub const fn sign(self) -> char {
        match self {
            Self::Pass => '✔',
            Self::Fail => '✘',
            Self::Warn => '!',
            Self::Info => 'i',
            Self::Skip => '–',
            Self::Broken => '?',
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
