//! What a requirement is made of.

use cni_wrapper::{SpecVersion, Verb};

use crate::profile::Profile;
use crate::severity::Severity;

/// Where a requirement is written down.
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
    /// `CONVENTIONS.md`, beside the specification.
    Conventions,
    /// Nowhere: practice.
    Practice,
}

impl Section {
    /// A name for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Configuration => "spec 1, network configuration",
            Self::Execution => "spec 2, execution protocol",
            Self::Runtime => "spec 3, execution of network configurations",
            Self::Delegation => "spec 4, plugin delegation",
            Self::Results => "spec 5, result types",
            Self::Conventions => "CONVENTIONS.md",
            Self::Practice => "practice, no sentence of the specification",
        }
    }

    /// The text, pinned to the tag of specification 1.1.0; nothing for mere practice.
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

/// One thing that a plugin has to do.
#[derive(Clone, Copy, Debug)]
pub struct Requirement {
    /// Its name in words, `area.what`, stable for ever: a retired one is not used again.
    pub id: &'static str,
    /// Its number in the catalogue, such as `DEL-02`.
    pub code: &'static str,
    /// Where it is written down.
    pub section: Section,
    /// How much weight it has.
    pub severity: Severity,
    /// Where one version gives it another weight.
    pub exception: Option<(SpecVersion, Severity)>,
    /// The first version it holds for.
    pub since: SpecVersion,
    /// The last version it holds for.
    pub until: SpecVersion,
    /// The verbs it is about.
    pub verbs: &'static [Verb],
    /// The kinds of plugin it holds for.
    pub profiles: &'static [Profile],
    /// The requirement in one sentence.
    pub sentence: &'static str,
    /// Why it can't be tested from outside, if it can't.
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

    /// The part of the id before the dot: the area it belongs to.
    pub fn area(&self) -> &'static str {
        self.id.split('.').next().unwrap_or(self.id)
    }

    /// Its weight in one version.
    pub fn severity_in(&self, version: SpecVersion) -> Severity {
        match self.exception {
            Some((exceptional, severity)) if exceptional == version => severity,
            _ => self.severity,
        }
    }

    /// Whether it holds for plugins of this kind in this version.
    pub fn holds(&self, profile: Profile, version: SpecVersion) -> bool {
        self.profiles.contains(&profile) && (self.since..=self.until).contains(&version)
    }
}

/// The specification says MUST. The texts: id, code, sentence.
pub(super) const fn must(section: Section, text: [&'static str; 3]) -> Requirement {
    Requirement::new(Severity::Must, text, section)
}

/// The specification says SHOULD. The texts: id, code, sentence.
pub(super) const fn should(section: Section, text: [&'static str; 3]) -> Requirement {
    Requirement::new(Severity::Should, text, section)
}

/// Practice that others depend on. The texts: id, code, sentence.
pub(super) const fn convention(section: Section, text: [&'static str; 3]) -> Requirement {
    Requirement::new(Severity::Convention, text, section)
}

/// Stricter than the specification. The texts: id, code, sentence.
pub(super) const fn stricter(section: Section, text: [&'static str; 3]) -> Requirement {
    Requirement::new(Severity::Stricter, text, section)
}
