//! The outcome of a lifecycle as human-readable text and as JSON.

use std::path::{Path, PathBuf};

use cni_conformance::Verdict;
use cni_conformance::exchange::Exchange;
use cni_conformance::runtime::lifecycle::definition::Lifecycle;
use cni_conformance::runtime::lifecycle::run::LifecycleResult;
use cni_conformance::runtime::lifecycle::setup::Setup;
use cni_conformance::runtime::lifecycle::steps::Step;
use cni_conformance::verdict::Finding;
use serde_json::{Map, Value, json};

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

/// Returns the outcome of a lifecycle as JSON. The times of the steps are milliseconds from its
/// start.
pub(super) fn json(lifecycle: &Lifecycle, result: &LifecycleResult, reproduce: &str) -> Value {
    let step = |step: &Step| {
        let at = u64::try_from(step.at.as_millis()).unwrap_or(u64::MAX);
        json!({ "what": step.what, "passed": step.passed, "note": step.note, "atMillis": at })
    };
    let steps: Vec<Value> = result.steps.iter().map(step).collect();
    let mut document = json!({
        "name": lifecycle.name, "does": lifecycle.does, "verdict": result.verdict,
        "note": result.note, "millis": result.millis, "steps": steps,
    });
    if let Some(finding) = &result.finding {
        document["finding"] = json!({ "expected": finding.expected, "actual": finding.actual });
        document["call"] = json!(result.exchange);
        document["reproduce"] = reproduce.into();
    }
    document
}

/// Returns the report with the outcomes of all lifecycles.
pub(super) fn report(name: &str, setup: &Setup, outcomes: &[Value], verdicts: &[Verdict]) -> Value {
    let mut counts = Map::new();
    for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Skip, Verdict::Broken] {
        let count = verdicts.iter().filter(|one| **one == verdict).count();
        counts.insert(verdict.to_string(), count.into());
    }
    json!({
        "lifecycle": 1, "plugin": name, "runtime": setup.kind().as_str(),
        "spec": setup.version().as_str(), "counts": counts, "lifecycles": outcomes,
    })
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
