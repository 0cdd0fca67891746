//! The severity of a requirement.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How severe a violation of a requirement is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Stricter than the specification: inferred from it, required by the Go skeleton, or good
    /// practice.
    Stricter,
    /// A convention: the specification describes it without such a word, `CONVENTIONS.md` asks for
    /// it, or runtimes depend on it.
    Convention,
    /// The specification says SHOULD.
    Should,
    /// The specification says MUST.
    Must,
}

impl Severity {
    /// All severities, most severe first.
    pub const ALL: [Self; 4] = [Self::Must, Self::Should, Self::Convention, Self::Stricter];

    /// Returns its name in reports and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Must => "must",
            Self::Should => "should",
            Self::Convention => "convention",
            Self::Stricter => "stricter",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
