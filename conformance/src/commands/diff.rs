//! `diff`.

use std::path::PathBuf;

use clap::Args;
use cni_conformance::report::{Difference, Document};

use super::exit_status::ExitStatus;

/// Compare two JSON reports; the exit status is 1 if anything got worse
#[derive(Args)]
pub(super) struct Arguments {
    /// The JSON report to compare with
    old: PathBuf,
    /// The JSON report to compare
    new: PathBuf,
}

/// Prints what changed between the reports.
pub(super) fn diff(arguments: &Arguments) -> Result<ExitStatus, String> {
    let (old, new) = (Document::read(&arguments.old)?, Document::read(&arguments.new)?);
    outln!("old  {}", old.title());
    outln!("new  {}", new.title());
    let difference = Difference::between(&old, &new);
    out!("\n{}", difference.text());
    Ok(if difference.is_worse() { ExitStatus::Failure } else { ExitStatus::Success })
}
