//! The weight of a requirement.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How much weight a requirement has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Stricter than the specification: what the Go skeleton demands, or plain hygiene.
    Stricter,
    /// Practice: runtimes or `CONVENTIONS.md` depend on it.
    Convention,
    /// The specification says SHOULD.
    Should,
    /// The specification says MUST, or states it as a fact.
    Must,
}

impl Severity {
    /// All of them, heaviest first.
    pub const ALL: [Self; 4] = [Self::Must, Self::Should, Self::Convention, Self::Stricter];

    /// The word for it, as reports and the command line spell it.
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
