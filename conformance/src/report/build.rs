//! Builds the report of a run.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::path::Path;
use std::time::{Duration, SystemTime};

use cni_protocol::SpecVersion;

use super::document::{
    CaseReport, Document, FORMAT, HostFacts, Outcome, RunReport, SubjectFacts, Unusable,
};
use super::identity;
use crate::run::record::{Record, Report};
use crate::severity::Severity;
use crate::spec::case::Case;
use crate::subject::Subject;
use crate::verdict::Verdict;

/// What a report contains in addition to the outcome of the cases.
pub struct ReportContext<'t> {
    /// The command line that makes the report again.
    pub command: String,
    /// Returns the command line that runs a case again, without the version.
    pub reproduce: &'t dyn Fn(&Case) -> String,
    /// The severity from which on a deviation is a failure.
    pub level: Severity,
    /// The runs whose calls the report contains.
    pub exchanges: Exchanges,
    /// The plugin's description of itself ([`about`](super::about)).
    pub about: Option<String>,
}

/// The runs whose calls a report contains: the calls are by far the largest part of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Exchanges {
    /// All runs.
    All,
    /// The runs that did not pass.
    #[default]
    Findings,
    /// No runs.
    None,
}

impl Exchanges {
    /// All choices.
    pub const ALL: [Self; 3] = [Self::All, Self::Findings, Self::None];

    /// Returns the name of the choice, as the command line spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Findings => "findings",
            Self::None => "none",
        }
    }
}

impl Document {
    /// Builds the report of a run.
    pub fn of(report: &Report, context: &ReportContext) -> Self {
        let cases = cases(report, context);
        let mut counts: BTreeMap<_, _> = Verdict::ALL.map(|verdict| (verdict, 0)).into();
        for case in &cases {
            *counts.entry(case.verdict).or_default() += 1;
        }
        let unusable = report.unusable.iter().map(|(version, reason)| Unusable {
            version: version.to_string(),
            reason: reason.clone(),
        });
        Self {
            report: FORMAT,
            harness: env!("CARGO_PKG_VERSION").to_owned(),
            date: now(),
            host: host(),
            subject: subject(&report.subject, context.about.clone()),
            command: context.command.clone(),
            level: context.level,
            result: outcome(&cases, context.level, report.versions.is_empty()),
            versions: report.versions.iter().map(ToString::to_string).collect(),
            unusable_versions: unusable.collect(),
            counts,
            outdated_deviations: report
                .outdated_deviations()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            cases,
        }
    }
}

fn cases(report: &Report, context: &ReportContext) -> Vec<CaseReport> {
    let mut cases: Vec<CaseReport> = Vec::new();
    for record in &report.records {
        let run = run(record, context.exchanges);
        // The runs of a case follow each other.
        match cases.last_mut().filter(|case| case.id == record.case.id) {
            Some(case) => case.runs.push(run),
            None => cases.push(case(record.case, run, report, context)),
        }
    }
    for case in &mut cases {
        case.verdict = worst(&case.runs);
    }
    cases
}

fn case(case: &Case, run: RunReport, report: &Report, context: &ReportContext) -> CaseReport {
    let requirement = case.requirement();
    CaseReport {
        id: requirement.id.to_owned(),
        code: requirement.code.to_owned(),
        sentence: requirement.sentence.to_owned(),
        section: requirement.section.title().to_owned(),
        link: requirement.link_in(newest(case, report)),
        does: case.does.to_owned(),
        verdict: run.verdict,
        known: report.subject.reason(requirement.id).map(str::to_owned),
        reproduce: (context.reproduce)(case),
        runs: vec![run],
    }
}

/// Returns the newest version in which the case is run.
fn newest(case: &Case, report: &Report) -> SpecVersion {
    let unusable = report.unusable.iter().map(|(version, _)| *version);
    let mut versions = report.versions.iter().rev().copied().chain(unusable.rev());
    versions.find(|version| case.applies(report.subject.profile, *version)).unwrap_or_default()
}

fn run(record: &Record, exchanges: Exchanges) -> RunReport {
    let kept = match exchanges {
        Exchanges::All => true,
        Exchanges::Findings => record.verdict != Verdict::Pass,
        Exchanges::None => false,
    };
    let finding = record.finding.as_ref();
    RunReport {
        version: record.version.to_string(),
        severity: record.case.requirement().severity_in(record.version),
        verdict: record.verdict,
        expected: finding.map(|finding| finding.expected.clone()),
        actual: finding.map(|finding| finding.actual.clone()),
        accepted: false,
        note: record.note.clone(),
        millis: record.millis,
        exchanges: if kept { record.exchanges.clone() } else { Vec::new() },
    }
}

fn worst(runs: &[RunReport]) -> Verdict {
    const WORST_FIRST: [Verdict; 6] = [
        Verdict::Fail,
        Verdict::Broken,
        Verdict::Warn,
        Verdict::Info,
        Verdict::Pass,
        Verdict::Skip,
    ];
    let has = |verdict: &Verdict| runs.iter().any(|run| run.verdict == *verdict);
    WORST_FIRST.into_iter().find(has).unwrap_or(Verdict::Skip)
}

impl Document {
    /// Derives the result from the cases again, after some of their deviations were accepted.
    pub(super) fn settle(&mut self) {
        self.result = outcome(&self.cases, self.level, self.versions.is_empty());
    }
}

fn outcome(cases: &[CaseReport], level: Severity, is_untested: bool) -> Outcome {
    let broken = |case: &CaseReport| case.runs.iter().any(|run| run.verdict == Verdict::Broken);
    if cases.iter().any(|case| case.fails(level)) {
        Outcome::Failure
    } else if is_untested || cases.iter().any(broken) {
        Outcome::Broken
    } else {
        Outcome::Success
    }
}

fn subject(subject: &Subject, about: Option<String>) -> SubjectFacts {
    SubjectFacts {
        name: subject.name(),
        plugin: relative(&subject.plugin).display().to_string(),
        about,
        sha256: identity::sha256(&subject.plugin),
        profile: subject.profile,
        config: subject.config.clone(),
        runtime_config: subject.runtime_config.clone(),
    }
}

/// Returns the path relative to the working directory, which differs between machines.
fn relative(path: &Path) -> &Path {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}

fn host() -> HostFacts {
    HostFacts {
        kernel: rustix::system::uname().release().to_string_lossy().into_owned(),
        arch: ARCH.to_owned(),
        rootless: crate::rootless(),
    }
}

/// Returns the time, to the second.
fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let second = SystemTime::UNIX_EPOCH + Duration::from_secs(since.as_secs());
    humantime::format_rfc3339_seconds(second).to_string()
}
