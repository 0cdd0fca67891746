//! The exit status of every command.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// The plugin conforms, or the command succeeded.
    Success,
    /// A requirement that counts is broken, or the plugin failed.
    Failure,
    /// The plugin could not be tested, or the command line is wrong.
    CouldNotTest,
    /// No case has this name, or no case applies to this plugin.
    NothingMatched,
}

impl From<ExitStatus> for ExitCode {
    fn from(status: ExitStatus) -> Self {
        Self::from(match status {
            ExitStatus::Success => 0,
            ExitStatus::Failure => 1,
            ExitStatus::CouldNotTest => 2,
            ExitStatus::NothingMatched => 3,
        })
    }
}
