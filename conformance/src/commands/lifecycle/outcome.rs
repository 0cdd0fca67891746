//! The outcome of a lifecycle as human-readable text.

use std::path::{Path, PathBuf};

use cni_conformance::exchange::Exchange;
use cni_conformance::runtime::lifecycle::definition::Lifecycle;
use cni_conformance::runtime::lifecycle::run::LifecycleResult;
use cni_conformance::verdict::Finding;

use crate::commands::exchange::lines;

/// Returns the steps of a lifecycle and, if it failed, everything that is needed to look into it.
pub(super) fn text(lifecycle: &Lifecycle, result: &LifecycleResult, reproduce: &str) -> String {
    let sign = result.verdict.sign();
    let mut text = format!("{sign} {}: {}\n", lifecycle.name, lifecycle.does);
    for step in &result.steps {
        let sign = if step.passed { '✔' } else { '✘' };
        let note = step.note.as_deref().map(|note| format!("  ({note})")).unwrap_or_default();
        text.push_str(&format!("    {sign} {}{note}\n", step.what));
    }
    if let Some(note) = &result.note {
        text.push_str(&format!("    {}: {note}\n", result.verdict));
    }
    if let Some(finding) = &result.finding {
        text.push_str(&details(finding, result.exchange.as_ref()));
        text.push_str(&format!("    reproduce {reproduce}\n"));
    }
    text
}

fn details(finding: &Finding, exchange: Option<&Exchange>) -> String {
    const INDENT: &str = "              ";
    let indented = |text: &str| text.trim_end().replace('\n', &format!("\n{INDENT}"));
    let mut text = format!("    expected  {}\n", indented(&finding.expected));
    text.push_str(&format!("    actual    {}\n", indented(&finding.actual)));
    if let Some(exchange) = exchange {
        text.push_str(&format!("    call      {}\n", exchange.call));
        text.push_str(&lines(exchange, INDENT));
        let command = exchange.command_line(&program(exchange));
        text.push_str(&format!("    manually  {command}\n"));
    }
    text
}

/// The program of a call: the first of its name on CNI_PATH.
fn program(exchange: &Exchange) -> PathBuf {
    let name = exchange.call.split(' ').next().unwrap_or_default();
    let path = exchange.environment.get("CNI_PATH").map_or("", String::as_str);
    let candidates = path.split(':').map(|directory| Path::new(directory).join(name));
    candidates.into_iter().find(|path| path.is_file()).unwrap_or_else(|| name.into())
}
