//! `run`.

use std::num::NonZeroUsize;
use std::panic;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use cni_conformance::exchange::quoted;
use cni_conformance::report::document::Outcome;
use cni_conformance::report::{self, Document, Exchanges, ReportContext};
use cni_conformance::run::case::run_case;
use cni_conformance::run::options::Options;
use cni_conformance::run::record::Report;
use cni_conformance::run::run as run_cases;
use cni_conformance::run::versions::Versions;
use cni_conformance::severity::Severity;
use cni_protocol::SpecVersion;

use super::exit_status::ExitStatus;
use super::keep;
use super::names;
use super::progress::ProgressLine;
use super::reports::{self, ReportKind, Target};
use super::subject::{NamedSubject, SubjectArguments};
use super::values::{one_of, seconds, version};

/// Judge a plugin against the requirements of the specification
#[derive(Args)]
#[command(override_usage = "\
cni-conformance run [OPTIONS] <PLUGIN> [CASE]...
       cni-conformance run [OPTIONS] --subject <FILE> [CASE]...")]
pub(super) struct Arguments {
    /// The plugin: a program, or the name of one in /opt/cni/bin, /usr/lib/cni or /usr/libexec/cni
    #[arg(required_unless_present = "subject")]
    plugin: Option<String>,
    /// Only these cases: the beginning of an id (`del`, `del.twice`), or a code (`DEL-02`)
    #[arg(value_name = "CASE", value_parser = names::case(), hide_possible_values = true)]
    cases: Vec<String>,
    #[command(flatten)]
    subject: SubjectArguments,
    /// Judge by this version of the specification; repeatable [default: all that PLUGIN claims]
    #[arg(long = "spec", value_name = "VERSION", value_parser = version())]
    versions: Vec<SpecVersion>,
    /// Judge only by the newest version that the plugin claims
    #[arg(long, conflicts_with = "versions")]
    quick: bool,
    /// Fail if a requirement of this severity or above is broken
    #[arg(long, default_value = "must")]
    #[arg(value_parser = one_of(Severity::ALL, Severity::as_str))]
    level: Severity,
    /// Leave out these cases; repeatable
    #[arg(long, value_name = "CASE", value_parser = names::case(), hide_possible_values = true)]
    skip: Vec<String>,
    /// Stop at the first failure
    #[arg(long)]
    fail_fast: bool,
    /// The time limit of one call of the plugin
    #[arg(long, value_name = "SECONDS", default_value = "120", value_parser = seconds)]
    timeout: Duration,
    /// Run this many cases at a time [default: four for each processor]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Run only the Nth of M parts of the cases, to spread them over machines
    #[arg(long, value_name = "N/M", value_parser = shard)]
    shard: Option<(usize, usize)>,
    /// Run a case that fails up to N times more, until it passes
    #[arg(long, value_name = "N", default_value_t = 0)]
    retries: usize,
    /// A JSON report whose deviations are no failures, by case and version
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Write reports of these kinds: text, json, junit, md, html, tap, badge; `-` is stdout
    /// [default: text=-]
    #[arg(long = "report", value_name = "KIND=FILE", value_delimiter = ',')]
    #[arg(value_parser = reports::of_run)]
    reports: Vec<Target>,
    /// The runs whose calls JSON and HTML reports contain: `findings` are those that did not pass
    #[arg(long, value_name = "RUNS", default_value = "findings")]
    #[arg(value_parser = one_of(Exchanges::ALL, Exchanges::as_str))]
    exchanges: Exchanges,
    /// Keep the namespaces of the first failure until the end of stdin, and print how to enter them
    #[arg(long)]
    keep: bool,
}

/// Runs the cases and writes the reports.
pub(super) fn run(mut arguments: Arguments) -> Result<ExitStatus, String> {
    let plugin = arguments.plugin.take();
    let named = arguments.subject.take(plugin.as_deref(), &mut arguments.cases)?;
    let options = arguments.options();
    if options.cases().is_empty() {
        let unknown = names::unknown(&options.only);
        unknown.iter().for_each(|problem| errln!("cni-conformance: {problem}"));
        if unknown.is_empty() {
            errln!("cni-conformance: no case tests {}", options.only.join(" "));
        }
        return Ok(ExitStatus::NothingMatched);
    }
    reports::check(&arguments.reports)?;
    let baseline = arguments.baseline.as_deref().map(Document::read).transpose()?;
    // A panic is a verdict (broken) here, and the report contains it.
    panic::set_hook(Box::new(|_| ()));
    let line = ProgressLine::new();
    let report = run_cases(&named.subject, &options, &|progress| line.show(progress));
    line.clear();
    let report = report?;
    let report = if report.records.is_empty() { report.tested()? } else { report };
    err!("{}", cost(&report));
    if report.records.is_empty() {
        outln!("no case applies to a plugin of this profile in these versions");
        return Ok(ExitStatus::NothingMatched);
    }
    let mut document = arguments.document(&named, &options, &report);
    if let Some(baseline) = &baseline {
        for gone in document.accept(baseline) {
            errln!("{gone} is in the baseline, but did not occur: write the baseline again");
        }
    }
    write(&document, &arguments.reports)?;
    if arguments.keep {
        keep_first_failure(&named, &options, &report);
    }
    Ok(exit_status(document.result))
}

fn write(document: &Document, targets: &[Target]) -> Result<(), String> {
    if reports::leave_stdout(targets) {
        out!("{}", report::text(document));
    }
    reports::write(targets, &|kind| render(kind, document))
}

fn exit_status(result: Outcome) -> ExitStatus {
    match result {
        Outcome::Success => ExitStatus::Success,
        Outcome::Failure => ExitStatus::Failure,
        Outcome::Broken => ExitStatus::CouldNotTest,
    }
}

impl Arguments {
    fn options(&self) -> Options {
        let usual = Options::default();
        Options {
            only: self.cases.clone(),
            skip: self.skip.clone(),
            versions: match (self.quick, self.versions.is_empty()) {
                (true, _) => Versions::Newest,
                (false, true) => Versions::Claimed,
                (false, false) => Versions::These(self.versions.clone()),
            },
            limit: self.timeout,
            jobs: self.jobs.map_or(usual.jobs, NonZeroUsize::get),
            fail_fast: self.fail_fast,
            shard: self.shard,
            retries: self.retries,
        }
    }

    fn document(&self, named: &NamedSubject, options: &Options, report: &Report) -> Document {
        let run = format!("cni-conformance run {}", named.arguments);
        let context = ReportContext {
            command: format!("{run}{}", self.selection()),
            reproduce: &|case| format!("{run} {} --keep", case.id),
            level: self.level,
            exchanges: self.exchanges,
            about: report::about(&named.subject, options.limit),
        };
        Document::of(report, &context)
    }

    /// The arguments that select cases, versions and the level, to repeat the command.
    fn selection(&self) -> String {
        let only = self.cases.iter().map(|case| format!(" {}", quoted(case)));
        let skip = self.skip.iter().map(|case| format!(" --skip {}", quoted(case)));
        let versions = self.versions.iter().map(|version| format!(" --spec {version}"));
        let quick = self.quick.then(|| " --quick".to_owned());
        let level = (self.level != Severity::Must).then(|| format!(" --level {}", self.level));
        only.chain(skip).chain(versions).chain(quick).chain(level).collect()
    }
}

/// Parses `N/M`.
fn shard(text: &str) -> Result<(usize, usize), String> {
    let parts = text.split_once('/').and_then(|(n, m)| Some((n.parse().ok()?, m.parse().ok()?)));
    parts
        .filter(|(number, count)| (1..=*count).contains(number))
        .ok_or_else(|| "expected N/M with N from 1 to M, such as 2/3".to_owned())
}

/// What the run cost, and which versions it left out.
fn cost(report: &Report) -> String {
    let left_out: Vec<_> = report.left_out.iter().map(|version| version.as_str()).collect();
    match left_out.as_slice() {
        [] => format!("{}\n", report.cost),
        versions => format!("{}; not judged in {}\n", report.cost, versions.join(", ")),
    }
}

fn render(kind: ReportKind, document: &Document) -> String {
    match kind {
        ReportKind::Text => report::text(document),
        ReportKind::Json => document.json(),
        ReportKind::Junit => report::junit(document),
        ReportKind::Markdown => report::markdown(document),
        ReportKind::Html => report::html(std::slice::from_ref(document)),
        ReportKind::Tap => report::tap(document),
        ReportKind::Badge => report::badge(document),
    }
}

/// Runs the first case that failed again, and keeps its host until the end of stdin.
fn keep_first_failure(named: &NamedSubject, options: &Options, report: &Report) {
    let Some(failed) = report.records.iter().find(|record| record.finding.is_some()) else {
        return;
    };
    let (record, fixture) = run_case(failed.case, &named.subject, failed.version, options.limit);
    let Some(fixture) = fixture else { return };
    errln!("kept: {} in {}, {}", record.case.id, record.version, record.verdict);
    if let Some(last) = record.exchanges.last() {
        errln!("  the last call   {}", last.command_line(&named.subject.plugin));
    }
    keep::until_end_of_input(fixture.host());
}
