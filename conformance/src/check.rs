//! Conformance as a test in `cargo test`.

use std::env;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use cni_protocol::SpecVersion;
use serde_json::{Map, Value};

use crate::profile::Profile;
use crate::report::{self, Document, Exchanges, ReportContext};
use crate::run::options::Options;
use crate::run::record::Report;
use crate::run::run;
use crate::run::versions::Versions;
use crate::severity::Severity;
use crate::subject::Subject;
use crate::verdict::Verdict;
use crate::verdicts::Verdicts;

/// If it is 1, [`Check::verdicts_in`] rewrites the file.
const UPDATE: &str = "CNI_CONFORMANCE_UPDATE";

/// If it is 1, [`Check::each_format`] has no effect.
const ALL: &str = "CNI_CONFORMANCE_ALL";

/// The cases to run: prefixes of their ids, separated by blanks.
const ONLY: &str = "CNI_CONFORMANCE_ONLY";

/// Returns a conformance check of a plugin for a test. `env!("CARGO_BIN_EXE_…")` is the program
/// that cargo has built for it.
///
/// ```no_run
/// use cni_conformance::{Profile, check};
/// use serde_json::json;
///
/// # // Cargo sets the variable for tests of the package that has the program.
/// # macro_rules! env { ($name:literal) => { "/opt/cni/bin/my-plugin" } }
/// check(env!("CARGO_BIN_EXE_my-plugin"))
///     .profile(Profile::Chained)
///     .config(json!({ "colour": "blue" }))
///     .run();
/// ```
///
/// The check runs all cases for plugins of its profile in every version that the plugin claims, in
/// separate namespaces. It needs root, or a kernel that lets users create user namespaces. The test
/// fails for a violated MUST, SHOULD or convention, and for a case that could not be run.
pub fn check(plugin: impl Into<PathBuf>) -> Check {
    Check::of(Subject::new(plugin, Profile::Interface, Map::new()))
}

/// A conformance check, see [`check`].
#[derive(Clone, Debug)]
#[must_use = "nothing is checked before `run`"]
pub struct Check {
    subject: Subject,
    options: Options,
    level: Severity,
    verdicts: Option<PathBuf>,
}

impl Check {
    /// Returns a check of this subject, for what the methods below do not offer, such as a subject
    /// file ([`Subject::read`]).
    pub fn of(subject: Subject) -> Self {
        Self { subject, options: Options::default(), level: Severity::Convention, verdicts: None }
    }

    /// Sets the kind of plugin; the default is [`Profile::Interface`].
    pub fn profile(mut self, profile: Profile) -> Self {
        self.subject.profile = profile;
        self
    }

    /// Sets the plugin's object in a network configuration.
    pub fn config(mut self, config: Value) -> Self {
        self.subject.config = object("config", config);
        self
    }

    /// Sets what the runtime supplies for the capabilities that the plugin declares.
    pub fn runtime_config(mut self, config: Value) -> Self {
        self.subject.runtime_config = object("runtime_config", config);
        self
    }

    /// Sets a shell script that prepares the host before each case.
    pub fn prepare(mut self, script: &str) -> Self {
        self.subject.prepare = Some(script.to_owned());
        self
    }

    /// Sets options that differ as if an operator had changed them between ADD and DEL.
    pub fn changed(mut self, options: Value) -> Self {
        self.subject.changed = object("changed", options);
        self
    }

    /// Sets options that make ADD fail halfway.
    pub fn failing(mut self, options: Value) -> Self {
        self.subject.failing = object("failing", options);
        self
    }

    /// Sets options with a pool of few addresses.
    pub fn small_pool(mut self, options: Value) -> Self {
        self.subject.small_pool = object("small_pool", options);
        self
    }

    /// Sets options with which the plugin waits at most a second for its delegate.
    pub fn short_timeout(mut self, options: Value) -> Self {
        self.subject.short_timeout = object("short_timeout", options);
        self
    }

    /// Sets a shell script that undoes a part of what ADD created; see [`Subject::damage`].
    pub fn damage(mut self, script: &str) -> Self {
        self.subject.damage = Some(script.to_owned());
        self
    }

    /// Sets a shell script that breaks something on the host that the plugin needs.
    pub fn make_unready(mut self, script: &str) -> Self {
        self.subject.make_unready = Some(script.to_owned());
        self
    }

    /// Adds a member of a result, such as `interfaces`, that a chained plugin is meant to change.
    pub fn changes(mut self, member: &str) -> Self {
        self.subject.changes.push(member.to_owned());
        self
    }

    /// Adds a known deviation: it does not fail the test, unless it no longer occurs.
    pub fn known(mut self, case: &str, reason: &str) -> Self {
        self.subject.known.insert(case.to_owned(), reason.to_owned());
        self
    }

    /// Restricts the check to these versions.
    pub fn versions(mut self, versions: &[SpecVersion]) -> Self {
        self.options.versions = Versions::These(versions.to_vec());
        self
    }

    /// Restricts the check to the newest claimed version of each result format, 0.2.0, 0.4.0 and
    /// 1.1.0 for most plugins, unless `CNI_CONFORMANCE_ALL=1` is set: for tests that run often.
    pub fn each_format(mut self) -> Self {
        self.options.versions = Versions::EachFormat;
        self
    }

    /// Restricts the check to the cases whose ids begin with one of these.
    pub fn only(mut self, cases: &[&str]) -> Self {
        self.options.only = cases.iter().map(|case| (*case).to_owned()).collect();
        self
    }

    /// Excludes the cases whose ids begin with one of these.
    pub fn skip(mut self, cases: &[&str]) -> Self {
        self.options.skip = cases.iter().map(|case| (*case).to_owned()).collect();
        self
    }

    /// Sets the lowest severity at which a deviation fails the test. The default is
    /// [`Severity::Convention`], which is everything that is a `fail` or a `warn` in a report.
    pub fn level(mut self, level: Severity) -> Self {
        self.level = level;
        self
    }

    /// Compares the verdicts with those in this file: any other, better or worse, fails the test.
    /// With `CNI_CONFORMANCE_UPDATE=1` the file is rewritten.
    pub fn verdicts_in(mut self, path: impl Into<PathBuf>) -> Self {
        self.verdicts = Some(path.into());
        self
    }

    /// Runs the cases and returns the report.
    ///
    /// `CNI_CONFORMANCE_ONLY=del.` restricts it to some cases, to debug a failure.
    ///
    /// # Panics
    /// If a requirement is violated, a case or a claimed version could not be tested, or no case
    /// ran, with the details.
    #[track_caller]
    pub fn run(mut self) -> Report {
        let only = env::var_os(ONLY).unwrap_or_default();
        let only = only.to_string_lossy();
        self.options.only.extend(only.split_whitespace().map(str::to_owned));
        if self.options.versions == Versions::EachFormat && (is_set(ALL) || is_set(UPDATE)) {
            self.options.versions = Versions::Claimed;
        }
        let report = self.report();
        let problems = match &report {
            Ok(report) => self.problems(report),
            Err(problem) => vec![problem.clone()],
        };
        match report {
            Ok(report) if problems.is_empty() => report,
            _ => panic!("{} does not conform:\n{}", self.subject.name(), problems.join("\n")),
        }
    }

    fn report(&self) -> Result<Report, String> {
        let subject = self.subject.clone().found()?;
        let report = run(&subject, &self.options, &|_| ())?.tested()?;
        match report.records.is_empty() {
            true => Err("no case ran: none applies to this plugin in these versions".to_owned()),
            false => Ok(report),
        }
    }

    fn problems(&self, report: &Report) -> Vec<String> {
        let unusable = report.unusable.iter();
        let mut problems: Vec<String> = unusable
            .map(|(version, why)| format!("it claims {version}, in which no ADD succeeds: {why}"))
            .collect();
        let outdated = report.outdated_deviations().into_iter();
        problems.extend(
            outdated.map(|id| format!("{id} is a known deviation, but did not occur: remove it")),
        );
        let broken = report.records.iter().filter(|record| record.verdict == Verdict::Broken);
        if broken.count() > 0 || report.records.iter().any(|record| self.counts(record)) {
            problems.push(report::findings(&self.document(report)));
        }
        problems.extend(self.verdicts.iter().flat_map(|path| self.differences(path, report)));
        problems
    }

    /// Returns the report as data, without the calls.
    fn document(&self, report: &Report) -> Document {
        let context = ReportContext {
            command: "cargo test".to_owned(),
            reproduce: &|case| format!("{ONLY}={} cargo test # found with", case.id),
            level: self.level,
            exchanges: Exchanges::None,
            about: None,
        };
        Document::of(report, &context)
    }

    fn counts(&self, record: &crate::run::record::Record) -> bool {
        let severity = record.case.requirement().severity_in(record.version);
        let known = self.subject.reason(record.case.id).is_some();
        record.finding.is_some() && severity >= self.level && !known
    }

    /// Returns the differences from the file of verdicts.
    fn differences(&self, path: &Path, report: &Report) -> Vec<String> {
        let now = Verdicts::of(report);
        if is_set(UPDATE) {
            return now.write(path).err().into_iter().collect();
        }
        let hint = |problem: &dyn Display| {
            format!("{problem}; if this is intended, run again with {UPDATE}=1")
        };
        let partly = !self.options.only.is_empty();
        let flaky = |id: &str| self.subject.flaky.contains_key(id);
        match Verdicts::read(path) {
            Ok(before) => {
                let before = before.in_versions(&self.options.versions);
                before.changes(&now, &flaky, partly).iter().map(|change| hint(change)).collect()
            }
            Err(problem) => vec![hint(&problem)],
        }
    }
}

fn is_set(variable: &str) -> bool {
    env::var_os(variable).is_some_and(|value| value == "1")
}

fn object(what: &str, value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        other => panic!("`{what}` must be a JSON object, not {other}"),
    }
}
