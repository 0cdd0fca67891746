//! Conformance in `cargo test`.

use std::env;
use std::fmt::Display;
use std::path::{Path, PathBuf};

use cni_wrapper::SpecVersion;
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

/// Set to 1, it has [`Check::verdicts_in`] write the file anew.
const UPDATE: &str = "CNI_CONFORMANCE_UPDATE";

/// Set to 1, [`Check::each_form`] has no effect.
const ALL: &str = "CNI_CONFORMANCE_ALL";

/// Cases that a run is restricted to: the beginnings of their ids, separated by blanks.
const ONLY: &str = "CNI_CONFORMANCE_ONLY";

/// Conformance of a plugin, to be put into a test: `env!("CARGO_BIN_EXE_…")` is the program that cargo has built for it.
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
/// All cases that are for plugins of this profile run in every version that the plugin claims, in namespaces of their own:
/// as root, or where the kernel lets users make user namespaces. A broken MUST or SHOULD, and a broken convention that runtimes depend on,
/// fail the test, and so does a case that could not find out.
pub fn check(plugin: impl Into<PathBuf>) -> Check {
    Check::of(Subject::new(plugin, Profile::Interface, Map::new()))
}

/// What [`check`] is to do.
#[derive(Clone, Debug)]
#[must_use = "nothing is checked before `run`"]
pub struct Check {
    subject: Subject,
    options: Options,
    level: Severity,
    verdicts: Option<PathBuf>,
}

impl Check {
    /// A check of this subject: for what the short forms below don't say, such as one that stands in a file
    /// ([`Subject::read`]).
    pub fn of(subject: Subject) -> Self {
        Self { subject, options: Options::default(), level: Severity::Convention, verdicts: None }
    }

    /// The kind of plugin; [`Profile::Interface`] when it is not said.
    pub fn profile(mut self, profile: Profile) -> Self {
        self.subject.profile = profile;
        self
    }

    /// The plugin's object in a network configuration.
    pub fn config(mut self, config: Value) -> Self {
        self.subject.config = object("config", config);
        self
    }

    /// What the runtime gives for the capabilities that the plugin declares.
    pub fn runtime_config(mut self, config: Value) -> Self {
        self.subject.runtime_config = object("runtime_config", config);
        self
    }

    /// A shell script that makes the host ready before each case.
    pub fn prepare(mut self, script: &str) -> Self {
        self.subject.prepare = Some(script.to_owned());
        self
    }

    /// Options, changed as an operator might between ADD and DEL.
    pub fn changed(mut self, options: Value) -> Self {
        self.subject.changed = object("changed", options);
        self
    }

    /// Options that make ADD fail half way.
    pub fn failing(mut self, options: Value) -> Self {
        self.subject.failing = object("failing", options);
        self
    }

    /// Options with which few addresses are left to give.
    pub fn tight(mut self, options: Value) -> Self {
        self.subject.tight = object("tight", options);
        self
    }

    /// Options with which the plugin waits a second at most for its delegate.
    pub fn hasty(mut self, options: Value) -> Self {
        self.subject.hasty = object("hasty", options);
        self
    }

    /// A shell script, run on the host, that undoes a part of what ADD has made; see [`Subject::spoil`].
    pub fn spoil(mut self, script: &str) -> Self {
        self.subject.spoil = Some(script.to_owned());
        self
    }

    /// A shell script that breaks on the host what the plugin needs.
    pub fn unready(mut self, script: &str) -> Self {
        self.subject.unready = Some(script.to_owned());
        self
    }

    /// A member of a result, such as `interfaces`, that a chained plugin is there to change.
    pub fn changes(mut self, member: &str) -> Self {
        self.subject.changes.push(member.to_owned());
        self
    }

    /// A deviation that is known: it fails no test, but one that is not seen any more does.
    pub fn known(mut self, case: &str, reason: &str) -> Self {
        self.subject.known.insert(case.to_owned(), reason.to_owned());
        self
    }

    /// Only in these versions.
    pub fn versions(mut self, versions: &[SpecVersion]) -> Self {
        self.options.versions = Versions::These(versions.to_vec());
        self
    }

    /// Only in the newest claimed version of each form of the result, 0.2.0, 0.4.0 and 1.1.0 for
    /// most plugins, unless the variable `CNI_CONFORMANCE_ALL=1` is set: for tests that run often.
    pub fn each_form(mut self) -> Self {
        self.options.versions = Versions::EachForm;
        self
    }

    /// Only the cases whose ids begin so.
    pub fn only(mut self, cases: &[&str]) -> Self {
        self.options.only = cases.iter().map(|case| (*case).to_owned()).collect();
        self
    }

    /// Not the cases whose ids begin so.
    pub fn skip(mut self, cases: &[&str]) -> Self {
        self.options.skip = cases.iter().map(|case| (*case).to_owned()).collect();
        self
    }

    /// From this weight on a deviation fails the test; [`Severity::Convention`] when it is not said, which is all that is a
    /// `fail` or a `warn` in a report.
    pub fn level(mut self, level: Severity) -> Self {
        self.level = level;
        self
    }

    /// The verdicts are those in this file; any other, better or worse, fails the test. With the variable
    /// `CNI_CONFORMANCE_UPDATE=1` the file is written anew.
    pub fn verdicts_in(mut self, path: impl Into<PathBuf>) -> Self {
        self.verdicts = Some(path.into());
        self
    }

    /// Runs the cases; the report is returned for whoever wants to ask for more.
    ///
    /// `CNI_CONFORMANCE_ONLY=del.` restricts it to some cases, while one looks for the reason of a failure.
    ///
    /// # Panics
    /// With a text that says what is wrong: when a requirement is broken, when a case could not find out, when a version
    /// that the plugin claims could not be tested, when nothing ran.
    #[track_caller]
    pub fn run(mut self) -> Report {
        let wanted = env::var_os(ONLY).unwrap_or_default();
        let wanted = wanted.to_string_lossy();
        self.options.only.extend(wanted.split_whitespace().map(str::to_owned));
        if self.options.versions == Versions::EachForm && (is_set(ALL) || is_set(UPDATE)) {
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
        let report = run(&subject, &self.options, &|_| ())?;
        match report.records.is_empty() {
            true => Err("no case ran: none is for such a plugin in these versions".to_owned()),
            false => Ok(report),
        }
    }

    fn problems(&self, report: &Report) -> Vec<String> {
        let unusable = report.unusable.iter();
        let mut problems: Vec<String> = unusable
            .map(|(version, why)| format!("it claims {version}, where no ADD succeeds: {why}"))
            .collect();
        let gone = report.gone().into_iter();
        problems.extend(gone.map(|id| format!("{id} is known, but was not seen: strike it out")));
        let broken = report.records.iter().filter(|record| record.verdict == Verdict::Broken);
        if broken.count() > 0 || report.records.iter().any(|record| self.counts(record)) {
            problems.push(report::findings(&self.document(report)));
        }
        problems.extend(self.verdicts.iter().flat_map(|path| self.differences(path, report)));
        problems
    }

    /// The report as data, without the calls.
    fn document(&self, report: &Report) -> Document {
        let context = ReportContext {
            command: "cargo test".to_owned(),
            reproduce: &|case| format!("{ONLY}={} cargo test, where it ran with", case.id),
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

    /// What is not as in the file of verdicts.
    fn differences(&self, path: &Path, report: &Report) -> Vec<String> {
        let now = Verdicts::of(report);
        if is_set(UPDATE) {
            return now.write(path).err().into_iter().collect();
        }
        let hint = |problem: &dyn Display| format!("{problem} (right so? then {UPDATE}=1)");
        let partly = !self.options.only.is_empty();
        let chance = |id: &str| self.subject.sometimes.contains_key(id);
        match Verdicts::read(path) {
            Ok(before) => {
                let before = before.in_versions(&self.options.versions);
                before.changes(&now, &chance, partly).iter().map(|change| hint(change)).collect()
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
        other => panic!("{what} is a JSON object, not {other}"),
    }
}
