//! A requirement and its parts.

use cni_protocol::{SpecVersion, Verb};

use super::sentence::{self, Sentence};
use crate::profile::Profile;
use crate::severity::Severity;

/// The document that a requirement comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// Section 1 of the specification: the network configuration.
    Configuration,
    /// Section 2: how a plugin is executed.
    Execution,
    /// Section 3: how a runtime executes a network configuration.
    Runtime,
    /// Section 4: plugins that run plugins.
    Delegation,
    /// Section 5: results and errors.
    Results,
    /// `CONVENTIONS.md`, next to the specification.
    Conventions,
    /// Common practice, which no document requires.
    Practice,
}

impl Section {
    /// Returns its title in reports.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Configuration => "spec 1, network configuration",
            Self::Execution => "spec 2, execution protocol",
            Self::Runtime => "spec 3, execution of network configurations",
            Self::Delegation => "spec 4, plugin delegation",
            Self::Results => "spec 5, result types",
            Self::Conventions => "CONVENTIONS.md",
            Self::Practice => "practice, not in the specification",
        }
    }

    /// Returns the URL of the section in specification 1.1.0; `None` for practice.
    pub const fn link(self) -> Option<&'static str> {
        macro_rules! spec {
            ($rest:literal) => {
                Some(concat!("https://github.com/containernetworking/cni/blob/spec-v1.1.0/", $rest))
            };
        }
        match self {
            Self::Configuration => spec!("SPEC.md#section-1-network-configuration-format"),
            Self::Execution => spec!("SPEC.md#section-2-execution-protocol"),
            Self::Runtime => spec!("SPEC.md#section-3-execution-of-network-configurations"),
            Self::Delegation => spec!("SPEC.md#section-4-plugin-delegation"),
            Self::Results => spec!("SPEC.md#section-5-result-types"),
            Self::Conventions => spec!("CONVENTIONS.md"),
            Self::Practice => None,
        }
    }
}

/// One thing that a plugin must do.
#[derive(Clone, Copy, Debug)]
pub struct Requirement {
    /// Its id, `area.what`. Ids are stable, and those of retired requirements are not reused.
    pub id: &'static str,
    /// Its code in the catalogue, such as `DEL-02`.
    pub code: &'static str,
    /// The document that it comes from.
    pub section: Section,
    /// Its severity in versions whose text has no sentence for it.
    pub without_sentence: Severity,
    /// The first version that it applies to.
    pub since: SpecVersion,
    /// The last version that it applies to.
    pub until: SpecVersion,
    /// The verbs that it is about.
    pub verbs: &'static [Verb],
    /// The profiles that it applies to.
    pub profiles: &'static [Profile],
    /// The requirement in one sentence.
    pub sentence: &'static str,
    /// Why it cannot be tested from outside, if that is so.
    pub untestable: Option<&'static str>,
}

impl Requirement {
    const fn new(severity: Severity, text: [&'static str; 3], section: Section) -> Self {
        Self {
            id: text[0],
            code: text[1],
            section,
            without_sentence: severity,
            since: SpecVersion::V0_1_0,
            until: SpecVersion::NEWEST,
            verbs: &[Verb::Add, Verb::Del, Verb::Check, Verb::Gc, Verb::Status, Verb::Version],
            profiles: &Profile::ALL,
            sentence: text[2],
            untestable: None,
        }
    }

    pub(super) const fn since(mut self, version: SpecVersion) -> Self {
        self.since = version;
        self
    }

    pub(super) const fn until(mut self, version: SpecVersion) -> Self {
        self.until = version;
        self
    }

    pub(super) const fn on(mut self, verbs: &'static [Verb]) -> Self {
        self.verbs = verbs;
        self
    }

    pub(super) const fn only(mut self, profiles: &'static [Profile]) -> Self {
        self.profiles = profiles;
        self
    }

    pub(super) const fn untestable(mut self, why: &'static str) -> Self {
        self.untestable = Some(why);
        self
    }

    /// Returns its area: the part of the id before the dot.
    pub fn area(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }

    /// Returns the versions that it applies to, oldest first.
    pub fn versions(&self) -> impl Iterator<Item = SpecVersion> {
        let range = self.since..=self.until;
        SpecVersion::ALL.into_iter().filter(move |version| range.contains(version))
    }

    /// Returns its severity in one version: what the sentence of that text demands.
    pub fn severity_in(&self, version: SpecVersion) -> Severity {
        let demanded = self.sentence_in(version).map(|sentence| sentence.demand.severity());
        demanded.unwrap_or(self.without_sentence)
    }

    /// Returns its severity in the newest version that it applies to.
    pub fn severity(&self) -> Severity {
        self.severity_in(self.until)
    }

    /// Returns the sentence of a version's text that it comes from; `None` if it has none.
    pub fn sentence_in(&self, version: SpecVersion) -> Option<&'static Sentence> {
        sentence::of(self.code, version)
    }

    /// Returns the link to its sentence in a version's text, or to its section in 1.1.0 if that
    /// text has none; `None` for common practice.
    pub fn link_in(&self, version: SpecVersion) -> Option<String> {
        let sentence = self.sentence_in(version).map(Sentence::link);
        sentence.or_else(|| self.section.link().map(str::to_owned))
    }

    /// Whether it applies to plugins of this profile in this version.
    pub fn holds(&self, profile: Profile, version: SpecVersion) -> bool {
        self.profiles.contains(&profile) && (self.since..=self.until).contains(&version)
    }
}

/// What sentences of the texts demand, in every version that it applies to. `text` is id, code and
/// sentence.
pub(super) const fn stated(section: Section, text: [&'static str; 3]) -> Requirement {
    Requirement::new(Severity::Stricter, text, section)
}

/// A practice that others depend on, as far as no sentence demands it. `text` is id, code and
/// sentence.
pub(super) const fn convention(section: Section, text: [&'static str; 3]) -> Requirement {
    Requirement::new(Severity::Convention, text, section)
}

/// Stricter than the specification, as far as no sentence demands it. `text` is id, code and
/// sentence.
pub(super) const fn stricter(section: Section, text: [&'static str; 3]) -> Requirement {
    Requirement::new(Severity::Stricter, text, section)
}
