//! The result of a case and the verdict on it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::severity::Severity;

/// The result of a case: no deviation, or why it stopped.
pub type CaseResult<T = ()> = Result<T, Stop>;

/// Why a case stopped before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The plugin does not meet the requirement.
    Finding(Finding),
    /// The case has nothing to test in this plugin, with the reason.
    Skip(String),
    /// The specification leaves it open, with the plugin's behaviour.
    Info(String),
}

/// A deviation from a requirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The expected behaviour.
    pub expected: String,
    /// The actual behaviour.
    pub actual: String,
}

impl Stop {
    /// Returns a deviation.
    pub fn finding(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self::Finding(Finding { expected: expected.into(), actual: actual.into() })
    }

    /// Returns that there is nothing to test.
    pub fn skip(reason: impl Into<String>) -> Self {
        Self::Skip(reason.into())
    }
}

/// Returns a finding unless `holds`; only then is `actual` called.
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

/// The verdict of a case on a plugin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The plugin meets the requirement.
    Pass,
    /// It violates a MUST.
    Fail,
    /// It violates a SHOULD, or a convention that others depend on.
    Warn,
    /// It is less strict than it could be, or the specification leaves the matter open.
    Info,
    /// There was nothing to test.
    Skip,
    /// The harness could not run the case: a fault of the harness or the machine, not the plugin.
    Broken,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Self; 6] =
        [Self::Pass, Self::Fail, Self::Warn, Self::Info, Self::Skip, Self::Broken];

    /// Returns the verdict for the result of a case and the severity of its requirement.
    pub fn of(result: &CaseResult, severity: Severity) -> Self {
        match result {
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

    /// Returns its name in reports.
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

    /// Returns its symbol in reports.
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
