//! A report as data: the contents of the JSON report, from which every other report is made.
//!
//! The format is stable: readers tolerate unknown keys, and a change that old readers can't read
//! gets another number in `report`. `report.schema.json`, next to the README, describes the same
//! format.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::exchange::Exchange;
use crate::profile::Profile;
use crate::severity::Severity;
use crate::verdict::Verdict;

/// The number of the format that is written and read here.
pub const FORMAT: u32 = 2;

/// The outcome of running the cases on one plugin.
///
/// Two runs differ in `date` and `millis`, and where the calls contain what the kernel chooses,
/// such as hardware addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// The number of this format.
    pub report: u32,
    /// The version of the harness.
    pub harness: String,
    /// When the report was made (RFC 3339).
    pub date: String,
    /// The machine that made it.
    pub host: HostFacts,
    /// The plugin.
    pub subject: SubjectFacts,
    /// The command line that makes the report again.
    pub command: String,
    /// The severity from which on a deviation is a failure.
    pub level: Severity,
    /// The overall result.
    pub result: Outcome,
    /// The versions of the specification in which the plugin was judged, oldest first.
    pub versions: Vec<String>,
    /// The versions that the plugin claims, but in which it could not be judged.
    #[serde(default)]
    pub unusable_versions: Vec<Unusable>,
    /// The number of cases for each verdict; the worst verdict of a case counts.
    pub counts: BTreeMap<Verdict, usize>,
    /// The cases with a known deviation that did not occur.
    #[serde(default)]
    pub outdated_deviations: Vec<String>,
    /// All cases, in the order of the specification.
    pub cases: Vec<CaseReport>,
}

/// The overall result of a run, which decides the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// No requirement at the level is broken.
    Success,
    /// A requirement at the level is broken, and the deviation is not a known one.
    Failure,
    /// No such deviation was seen, but a case could not be judged.
    Broken,
}

impl Outcome {
    /// Returns the name of the result, as in the JSON report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Broken => "broken",
        }
    }
}

/// The machine on which a report was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// The release of the kernel.
    pub kernel: String,
    /// The processor's architecture.
    pub arch: String,
    /// Whether the harness ran without root, in a user namespace.
    pub rootless: bool,
}

/// The plugin and its configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectFacts {
    /// The file name of the program.
    pub name: String,
    /// Its path, relative to the working directory if it is below that.
    pub plugin: String,
    /// The first line that it prints without `CNI_COMMAND`, often with its version.
    #[serde(default)]
    pub about: Option<String>,
    /// The program's SHA-256, in hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The kind of plugin.
    pub profile: Profile,
    /// Its object in the network configuration.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// The capability arguments that the runtime supplies.
    #[serde(default)]
    pub runtime_config: Map<String, Value>,
}

/// A version that the plugin claims, but in which it could not be judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusable {
    /// The version.
    pub version: String,
    /// Why it could not be judged.
    pub reason: String,
}

/// A requirement, and the verdict on its case in each version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// The id of the requirement and its case.
    pub id: String,
    /// Its number in the catalogue.
    pub code: String,
    /// The requirement in one sentence.
    pub sentence: String,
    /// The document and section that contain it.
    pub section: String,
    /// A link to the sentence in the newest version that was judged, or to the section if it has
    /// none; absent for common practice.
    #[serde(default)]
    pub link: Option<String>,
    /// What the case does.
    pub does: String,
    /// The worst verdict of its runs.
    pub verdict: Verdict,
    /// The reason for a known deviation.
    #[serde(default)]
    pub known: Option<String>,
    /// The command line that runs the case again, without the version (`--spec`).
    pub reproduce: String,
    /// A run for each version.
    pub runs: Vec<RunReport>,
}

/// A case in one version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// The version of the specification.
    pub version: String,
    /// The severity of the requirement in this version.
    pub severity: Severity,
    /// The verdict.
    pub verdict: Verdict,
    /// The expected behaviour, if the plugin deviates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// The actual behaviour, if the plugin deviates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// Why the case was skipped or is broken, or what was observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Whether the baseline has this deviation in this version, so that it is no failure.
    #[serde(default)]
    pub accepted: bool,
    /// The duration in milliseconds.
    pub millis: u64,
    /// The calls of the plugin, if the report contains them (`--exchanges`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
}

impl Document {
    /// Returns the run of a case in a version.
    pub fn run(&self, id: &str, version: &str) -> Option<&RunReport> {
        let case = self.cases.iter().find(|case| case.id == id)?;
        case.runs.iter().find(|run| run.version == version)
    }

    /// Returns the number of runs in all versions.
    pub fn runs(&self) -> usize {
        self.cases.iter().map(|case| case.runs.len()).sum()
    }

    /// Returns the number of cases with this verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.counts.get(&verdict).copied().unwrap_or_default()
    }

    /// Returns the totals as text: `3 cases, 12 runs: 2 pass, 1 fail, …`.
    pub fn totals(&self) -> String {
        let count = |verdict| format!("{} {verdict}", self.count(verdict));
        let counts = Verdict::ALL.map(count).join(", ");
        format!("{} cases, {} runs: {counts}", self.cases.len(), self.runs())
    }
}

impl CaseReport {
    /// Returns the area, which is the part of the id before the dot.
    pub fn area(&self) -> &str {
        self.id.split('.').next().unwrap_or(&self.id)
    }

    /// Returns the first run with the verdict of the case.
    pub fn worst(&self) -> Option<&RunReport> {
        self.runs.iter().find(|run| run.verdict == self.verdict)
    }

    /// Returns whether a person should look at it: a MUST, a SHOULD or the case is broken.
    pub fn is_finding(&self) -> bool {
        matches!(self.verdict, Verdict::Fail | Verdict::Warn | Verdict::Broken)
    }

    /// Returns the versions with the verdict of the case, as ` in 0.4.0, 1.0.0`; empty if all have
    /// it.
    pub fn versions(&self) -> String {
        let those = self.runs.iter().filter(|run| run.verdict == self.verdict);
        let those: Vec<_> = those.map(|run| run.version.as_str()).collect();
        match those.len() == self.runs.len() {
            true => String::new(),
            false => format!(" in {}", those.join(", ")),
        }
    }

    /// Returns the command line that runs the case again in the version of its worst verdict.
    pub fn command(&self) -> String {
        match self.worst() {
            Some(run) => format!("{} --spec {}", self.reproduce, run.version),
            None => self.reproduce.clone(),
        }
    }

    /// Returns whether the plugin fails at this level, and not by a known deviation.
    pub fn fails(&self, level: Severity) -> bool {
        self.known.is_none() && self.runs.iter().any(|run| run.fails(level))
    }
}

impl RunReport {
    /// Returns whether the plugin deviates from a requirement of this severity or above, and the
    /// baseline does not have it.
    pub fn fails(&self, level: Severity) -> bool {
        self.expected.is_some() && self.severity >= level && !self.accepted
    }
}
