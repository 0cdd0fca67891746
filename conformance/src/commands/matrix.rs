//! `matrix`.

use std::path::PathBuf;

use clap::Args;
use cni_conformance::report::{self, Document};

use super::exit_status::ExitStatus;
use super::reports::{self, ReportKind, Target};

/// Show JSON reports side by side: plugins × requirements
#[derive(Args)]
pub(super) struct Arguments {
    /// JSON reports, as `run PLUGIN --report json=FILE` writes them
    #[arg(required = true, value_name = "REPORT")]
    files: Vec<PathBuf>,
    /// Write the matrix in these forms: text, md, html; `-` is stdout [default: text=-]
    #[arg(long = "report", value_name = "KIND=FILE", value_delimiter = ',')]
    #[arg(value_parser = reports::of_matrix)]
    reports: Vec<Target>,
}

/// Puts the reports side by side.
pub(super) fn matrix(arguments: &Arguments) -> Result<ExitStatus, String> {
    reports::check(&arguments.reports)?;
    let read: Result<Vec<_>, _> = arguments.files.iter().map(|file| Document::read(file)).collect();
    let documents = read?;
    if arguments.reports.is_empty() {
        out!("{}", report::matrix_text(&documents));
    }
    reports::write(&arguments.reports, &|kind| match kind {
        ReportKind::Markdown => report::matrix_markdown(&documents),
        ReportKind::Html => report::html(&documents),
        _ => report::matrix_text(&documents),
    })?;
    Ok(ExitStatus::Success)
}
