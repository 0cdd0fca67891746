//! The verbs of the protocol (specification, section 2).

use std::{fmt, str::FromStr};

use cni_plugin::Command;

use crate::SpecVersion;

/// What a runtime asks of a plugin, in `CNI_COMMAND`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Attach a container to a network.
    Add,
    /// Undo an ADD.
    Del,
    /// Say whether an attachment still is as ADD made it. Since 0.4.0.
    Check,
    /// Remove what belongs to attachments that are not listed as valid. Since 1.1.0.
    Gc,
    /// Say whether ADD could be served. Since 1.1.0.
    Status,
    /// Say which versions of the specification are spoken.
    Version,
}

impl Verb {
    /// The verb as it stands in `CNI_COMMAND`.
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

    /// The first version of the specification that has this verb.
    pub fn since(self) -> SpecVersion {
        match self {
            Self::Check => SpecVersion::V0_4_0,
            Self::Gc | Self::Status => SpecVersion::V1_1_0,
            Self::Add | Self::Del | Self::Version => SpecVersion::V0_1_0,
        }
    }
}

/// The `cni-plugin` crate knows the verbs of 1.0.0.
impl From<Command> for Verb {
    fn from(command: Command) -> Self {
        match command {
            Command::Add => Self::Add,
            Command::Del => Self::Del,
            Command::Check => Self::Check,
            Command::Version => Self::Version,
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no verb.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no command; ADD, DEL, CHECK, GC, STATUS and VERSION are")]
pub struct UnknownVerb(
    /// The text that was read.
    pub String,
);

impl FromStr for Verb {
    type Err = UnknownVerb;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "GC" => Ok(Self::Gc),
            "STATUS" => Ok(Self::Status),
            _ => match text.parse::<Command>() {
                Ok(command) => Ok(command.into()),
                Err(_) => Err(UnknownVerb(text.to_owned())),
            },
        }
    }
}
