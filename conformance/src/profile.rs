//! The kinds of plugin.

use std::fmt;
use std::str::FromStr;

use cni_wrapper::SpecVersion;
use serde::{Deserialize, Serialize};

/// What kind of plugin is judged: that decides which requirements hold and what it is given to work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// Makes an interface in the container: bridge, ptp, macvlan, …
    Interface,
    /// Works on what a plugin before it made, by way of `prevResult`: portmap, tuning, firewall, …
    Chained,
    /// Runs the plugin that stands in its `delegate`.
    Wrapper,
    /// Hands out addresses: host-local, static, …
    Ipam,
}

impl Profile {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Interface, Self::Chained, Self::Wrapper, Self::Ipam];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Interface => "interface",
            Self::Chained => "chained",
            Self::Wrapper => "wrapper",
            Self::Ipam => "ipam",
        }
    }

    /// Whether plugins of this kind exist in this version: nothing can be chained before 0.3.0.
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
