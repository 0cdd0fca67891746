//! The runtimes that are emulated.

use std::fmt;
use std::str::FromStr;

/// A runtime that is emulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuntimeKind {
    /// The library behind containerd, CRI-O, Podman's CNI mode, Multus and cnitool.
    Libcni,
    /// The `network/cni` isolator of Apache Mesos.
    Mesos,
}

impl RuntimeKind {
    /// All runtimes.
    pub const ALL: [Self; 2] = [Self::Libcni, Self::Mesos];

    /// Returns its name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Libcni => "libcni",
            Self::Mesos => "mesos",
        }
    }
}

impl fmt::Display for RuntimeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RuntimeKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| format!("no such runtime: {text} (libcni, mesos)"))
    }
}
