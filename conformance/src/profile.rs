//! The kinds of plugins.

use std::fmt;
use std::str::FromStr;

use cni_protocol::SpecVersion;
use serde::{Deserialize, Serialize};

/// A kind of plugin, which determines its requirements and its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Creates an interface in the container: bridge, ptp, macvlan, …
    Interface,
    /// Works on the `prevResult` of another plugin: portmap, tuning, firewall, …
    Chained,
    /// Runs the plugin in its key `delegate`.
    Wrapper,
    /// Allocates addresses: host-local, static, …
    Ipam,
}

impl Profile {
    /// All profiles.
    pub const ALL: [Self; 4] = [Self::Interface, Self::Chained, Self::Wrapper, Self::Ipam];

    /// Returns its name in reports and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interface => "interface",
            Self::Chained => "chained",
            Self::Wrapper => "wrapper",
            Self::Ipam => "ipam",
        }
    }

    /// Whether plugins of this kind exist in a version: there is no chaining before 0.3.0.
    pub fn exists_in(self, version: SpecVersion) -> bool {
        self != Self::Chained || version >= SpecVersion::V0_3_0
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Profile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|profile| profile.as_str() == text)
            .ok_or_else(|| format!("no such profile: {text} (interface, chained, wrapper, ipam)"))
    }
}
