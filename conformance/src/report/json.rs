//! The report that machines read. Two runs differ in `date` and `millis` only.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::judgement::Verdict;
use crate::run::{Record, Report};

/// The whole report as one JSON object.
pub fn json(report: &Report) -> Value {
    let versions: Vec<_> = report.versions.iter().map(|version| version.as_str()).collect();
    let unusable: Vec<_> = report
        .unusable
        .iter()
        .map(|(version, reason)| json!({ "version": version.as_str(), "reason": reason }))
        .collect();
    let counts =
        Verdict::ALL.map(|verdict| (verdict.as_str().to_owned(), report.count(verdict).into()));
    json!({
        "report": 1,
        "harness": env!("CARGO_PKG_VERSION"),
        "date": seconds(),
        "host": { "kernel": kernel(), "rootless": !rustix::process::geteuid().is_root() },
        "subject": {
            "plugin": report.subject.plugin,
            "name": report.subject.name(),
            "profile": report.subject.profile.as_str(),
            "config": report.subject.config,
            "runtimeConfig": report.subject.runtime_config,
        },
        "versions": versions,
        "unusableVersions": unusable,
        "counts": counts.into_iter().collect::<serde_json::Map<String, Value>>(),
        "cases": report.records.iter().map(case).collect::<Vec<_>>(),
    })
}

fn case(record: &Record) -> Value {
    let requirement = record.case.requirement();
    json!({
        "id": requirement.id,
        "code": requirement.code,
        "version": record.version.as_str(),
        "severity": requirement.severity_in(record.version).as_str(),
        "section": requirement.section.title(),
        "link": requirement.section.link(),
        "verdict": record.verdict.as_str(),
        "expected": record.finding.as_ref().map(|finding| &finding.expected),
        "actual": record.finding.as_ref().map(|finding| &finding.actual),
        "note": record.note,
        "millis": record.millis,
        "exchanges": record.exchanges,
    })
}

/// Seconds since 1970.
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

fn kernel() -> String {
    rustix::system::uname().release().to_string_lossy().into_owned()
}
