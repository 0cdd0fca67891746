//! Tables: families and names.

use std::fmt;

/// The packets that traverse a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Family {
    /// IPv4 and IPv6.
    Inet,
    /// IPv4.
    Ip,
    /// IPv6.
    Ip6,
    /// Frames that a bridge receives, forwards or sends.
    Bridge,
    /// Packets at the devices that a chain names.
    Netdev,
}

/// The identity of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Table {
    /// The packets that traverse it.
    pub family: Family,
    /// The name, unique within the family.
    pub name: String,
}

impl Table {
    /// Returns the identity of a table.
    pub fn new(family: Family, name: impl Into<String>) -> Self {
        Self { family, name: name.into() }
    }

    /// Returns the identity of a table for both IPv4 and IPv6.
    pub fn inet(name: impl Into<String>) -> Self {
        Self::new(Family::Inet, name)
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inet => "inet",
            Self::Ip => "ip",
            Self::Ip6 => "ip6",
            Self::Bridge => "bridge",
            Self::Netdev => "netdev",
        })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.family, self.name)
    }
}

/// An existing table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableInfo {
    /// The number of chains, sets and other objects in it.
    pub objects: u32,
    /// The comment.
    pub comment: Option<String>,
}
