//! `validate`.

use std::path::PathBuf;

use clap::Args;
use cni_conformance::validate::{Diagnostic, Level, validate};
use cni_protocol::Environment;
use serde_json::json;

use super::exit_status::ExitStatus;
use super::values::directories;

/// Check network configurations before a runtime uses them; of plugins only VERSION is called
#[derive(Args)]
pub(super) struct Arguments {
    /// Network configurations: single plugins or lists
    #[arg(required = true, value_name = "NETCONF")]
    files: Vec<PathBuf>,
    /// The directories of plugins [default: CNI_PATH, or /opt/cni/bin:/usr/lib/cni]
    #[arg(long, value_name = "DIRS")]
    path: Option<String>,
    /// Print the problems as JSON
    #[arg(long)]
    json: bool,
}

/// Validates the files and prints their problems.
pub(super) fn validate_files(arguments: &Arguments) -> ExitStatus {
    let own = Environment::current();
    let path = arguments.path.as_deref().or(own.text("CNI_PATH"));
    let path = directories(path.unwrap_or("/opt/cni/bin:/usr/lib/cni"));
    let (mut all, mut wrong, mut unreadable) = (Vec::new(), false, false);
    for file in &arguments.files {
        let diagnostics = std::fs::read(file)
            .map_err(|error| error.to_string())
            .and_then(|text| serde_json::from_slice(&text).map_err(|error| error.to_string()))
            .map(|document| validate(&document, &path));
        match diagnostics {
            Ok(diagnostics) => {
                wrong |= diagnostics.iter().any(|diagnostic| diagnostic.level == Level::Error);
                if !arguments.json {
                    print(&file.display().to_string(), &diagnostics);
                }
                all.push(json!({ "file": file, "diagnostics": diagnostics }));
            }
            Err(problem) => {
                unreadable = true;
                errln!("cni-conformance: {}: {problem}", file.display());
            }
        }
    }
    if arguments.json {
        outln!("{}", json!(all));
    }
    match (unreadable, wrong) {
        (true, _) => ExitStatus::CouldNotTest,
        (false, true) => ExitStatus::Failure,
        (false, false) => ExitStatus::Success,
    }
}

fn print(file: &str, diagnostics: &[Diagnostic]) {
    if diagnostics.is_empty() {
        outln!("{file}: no problems found");
    }
    for diagnostic in diagnostics {
        outln!("{file}: {diagnostic}");
    }
}
