//! The verbs of the protocol (specification, section 2).

use std::{fmt, str::FromStr};

use crate::version::SpecVersion;

/// What a runtime asks a plugin to do, in `CNI_COMMAND`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verb {
    /// Attach a container to a network.
    Add,
    /// Undo an ADD.
    Del,
    /// Check that an attachment is still as ADD made it. Since 0.4.0.
    Check,
    /// Remove everything that belongs to attachments that are no longer valid. Since 1.1.0.
    Gc,
    /// Report whether an ADD could be served. Since 1.1.0.
    Status,
    /// Report which versions of the specification are supported.
    Version,
}

impl Verb {
    /// All verbs.
    pub const ALL: [Self; 6] =
        [Self::Add, Self::Del, Self::Check, Self::Gc, Self::Status, Self::Version];

    /// Returns the verb as `CNI_COMMAND` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "ADD",
            Self::Del => "DEL",
            Self::Check => "CHECK",
            Self::Gc => "GC",
            Self::Status => "STATUS",
            Self::Version => "VERSION",
        }
    }

    /// Returns the first version of the specification that has this verb.
    pub fn since(self) -> SpecVersion {
        match self {
            Self::Check => SpecVersion::V0_4_0,
            Self::Gc | Self::Status => SpecVersion::V1_1_0,
            Self::Add | Self::Del | Self::Version => SpecVersion::V0_1_0,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is not a verb.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a command; use ADD, DEL, CHECK, GC, STATUS or VERSION")]
pub struct UnknownVerb(
    /// The text that was read.
    pub String,
);

impl FromStr for Verb {
    type Err = UnknownVerb;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|verb| verb.as_str() == text)
            .ok_or_else(|| UnknownVerb(text.to_owned()))
    }
}
