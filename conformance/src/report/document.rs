//! A report as data: what the JSON report holds, and what every other report is made from.
//!
//! The form is stable: readers tolerate keys that they don't know, and what can't be read by the old ones gets
//! another number in `report`. `report.schema.json`, beside the README, says the same for others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::exchange::Exchange;
use crate::profile::Profile;
use crate::severity::Severity;
use crate::verdict::Verdict;

/// The number of the form that is written and read here.
pub const FORM: u32 = 1;

/// What running the cases on one plugin came to. Two runs differ in `date` and `millis`, and in what the kernel chose
/// anew and the calls show, such as hardware addresses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    /// The number of this form.
    pub report: u32,
    /// The version of the harness.
    pub harness: String,
    /// When it was made (RFC 3339).
    pub date: String,
    /// Where it was made.
    pub host: HostFacts,
    /// The plugin.
    pub subject: SubjectFacts,
    /// The command line that makes this report again.
    pub command: String,
    /// From this weight on a deviation counts as a failure.
    pub level: Severity,
    /// What it comes to.
    pub result: Outcome,
    /// The versions of the specification that it was judged in, oldest first.
    pub versions: Vec<String>,
    /// The versions that it claims and could not be judged in.
    #[serde(default)]
    pub unusable_versions: Vec<Unusable>,
    /// How many cases ended so, each by the gravest of its verdicts.
    pub counts: BTreeMap<Verdict, usize>,
    /// The cases whose deviation is known by the subject file, but was not seen.
    #[serde(default)]
    pub gone: Vec<String>,
    /// All cases, in the order of the specification.
    pub cases: Vec<CaseReport>,
}

/// What a run comes to, as the exit status has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Nothing that counts is broken.
    Success,
    /// A requirement that counts is broken, and not by a known deviation.
    Failure,
    /// No such deviation was seen, but a case could not find out.
    Broken,
}

impl Outcome {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Broken => "broken",
        }
    }
}

/// The machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostFacts {
    /// The release of the kernel.
    pub kernel: String,
    /// The processor's architecture.
    pub arch: String,
    /// Whether it ran without root, in a user namespace.
    pub rootless: bool,
}

/// The plugin, and what it was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SubjectFacts {
    /// The file name of the program.
    pub name: String,
    /// Its path, from where the harness was run when it is below that.
    pub plugin: String,
    /// What it says of itself when it is run without `CNI_COMMAND`: the first line.
    #[serde(default)]
    pub about: Option<String>,
    /// The program's SHA-256, in hexadecimal.
    #[serde(default)]
    pub sha256: Option<String>,
    /// What kind of plugin it is.
    pub profile: Profile,
    /// Its object in the network configuration.
    #[serde(default)]
    pub config: Map<String, Value>,
    /// What the runtime gives for the capabilities that it declares.
    #[serde(default)]
    pub runtime_config: Map<String, Value>,
}

/// A version that the plugin claims and could not be judged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusable {
    /// The version.
    pub version: String,
    /// Why not.
    pub reason: String,
}

/// A requirement, and how its case ended in each version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CaseReport {
    /// The id of the requirement, which is the case's.
    pub id: String,
    /// Its number in the catalogue.
    pub code: String,
    /// The requirement in one sentence.
    pub sentence: String,
    /// Where it is written down.
    pub section: String,
    /// The text there; absent for mere practice.
    #[serde(default)]
    pub link: Option<String>,
    /// What the case does.
    pub does: String,
    /// The gravest verdict of its runs.
    pub verdict: Verdict,
    /// Why the deviation is known, if it is.
    #[serde(default)]
    pub known: Option<String>,
    /// The command line that repeats it, up to the version (`--spec`).
    pub again: String,
    /// A run for each version.
    pub runs: Vec<RunReport>,
}

/// A case in one version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// The version of the specification.
    pub version: String,
    /// The weight of the requirement in this version.
    pub severity: Severity,
    /// How it ended.
    pub verdict: Verdict,
    /// What should have been seen, when it is a deviation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What was seen instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// Why it was skipped or is broken, or what was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How long it took, in milliseconds.
    pub millis: u64,
    /// The calls of the plugin, as far as the report holds them (`--exchanges`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exchanges: Vec<Exchange>,
}

impl Document {
    /// How many runs there are, in all versions.
    pub fn runs(&self) -> usize {
        self.cases.iter().map(|case| case.runs.len()).sum()
    }

    /// How many cases ended so.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.counts.get(&verdict).copied().unwrap_or_default()
    }

    /// The sums in words: `3 cases, 12 runs: 2 pass, 1 fail, …`.
    pub fn sums(&self) -> String {
        let of = |verdict| format!("{} {verdict}", self.count(verdict));
        let words = Verdict::ALL.map(of).join(", ");
        format!("{} cases, {} runs: {words}", self.cases.len(), self.runs())
    }
}

impl CaseReport {
    /// The part of the id before the dot: the area it belongs to.
    pub fn area(&self) -> &str {
        self.id.split('.').next().unwrap_or(&self.id)
    }

    /// The first run that ended like the case.
    pub fn gravest(&self) -> Option<&RunReport> {
        self.runs.iter().find(|run| run.verdict == self.verdict)
    }

    /// Whether it is for people to look at: a MUST or a SHOULD broken, or the harness.
    pub fn is_finding(&self) -> bool {
        matches!(self.verdict, Verdict::Fail | Verdict::Warn | Verdict::Broken)
    }

    /// In which versions it ended like this: nothing when it is all of them, else ` in 0.4.0, 1.0.0`.
    pub fn versions(&self) -> String {
        let those = self.runs.iter().filter(|run| run.verdict == self.verdict);
        let those: Vec<_> = those.map(|run| run.version.as_str()).collect();
        match those.len() == self.runs.len() {
            true => String::new(),
            false => format!(" in {}", those.join(", ")),
        }
    }

    /// The command line that repeats it in the version of its gravest verdict.
    pub fn command(&self) -> String {
        match self.gravest() {
            Some(run) => format!("{} --spec {}", self.again, run.version),
            None => self.again.clone(),
        }
    }

    /// Whether it fails the plugin at this level: in one of its runs it counts, and is not known.
    pub fn counts(&self, level: Severity) -> bool {
        self.known.is_none() && self.runs.iter().any(|run| run.counts(level))
    }
}

impl RunReport {
    /// Whether it is a deviation from a requirement of this weight or more.
    pub fn counts(&self, level: Severity) -> bool {
        self.expected.is_some() && self.severity >= level
    }
}
