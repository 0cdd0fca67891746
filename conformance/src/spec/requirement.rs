//! A requirement and its parts.

use cni_protocol::{SpecVersion, Verb};

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
    /// Its severity.
    pub severity: Severity,
    /// A version in which its severity is different, and that severity.
    pub exception: Option<(SpecVersion, Severity)>,
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
            severity,
            exception: None,
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

    pub(super) const fn except(mut self, version: SpecVersion, severity: Severity) -> Self {
        self.exception = Some((version, severity));
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

    /// Returns its severity in one version.
    pub fn severity_in(&self, version: SpecVersion) -> Severity {
        match self.exception {
            Some((exceptional, severity)) if exceptional == version => severity,
            _ => self.severity,
        }
    }

    /// Whether it applies to plugins of this profile in this version.
    pub fn holds(&self, profile: Profile, version: SpecVersion) -> bool {
        self.profiles.contains(&profile) && (self.since..=self.until).contains(&version)
    }
}

/// A MUST of the specification. `text` is id, code and sentence.
pub(super) const fn must(section: Section, text: [&'static str; 3]) -> Requirement {
    Requirement::new(Severity::Must, text, section)
}

/// A SHOULD of the specification. `text` is id, code and sentence.
pub(super) const fn should(section: Section, text: [&'static str; 3]) -> Requirement {
    Requirement::new(Severity::Should, text, section)
}

/// A practice that others depend on. `text` is id, code and sentence.
pub(super) const fn convention(section: Section, text: [&'static str; 3]) -> Requirement {
    Requirement::new(Severity::Convention, text, section)
}

/// Stricter than the specification. `text` is id, code and sentence.
pub(super) const fn stricter(section: Section, text: [&'static str; 3]) -> Requirement {
    Requirement::new(Severity::Stricter, text, section)
}
