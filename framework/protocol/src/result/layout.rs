//! The layouts of a result, and facts about members that parsing and conversion share.

use serde_json::Value;

use crate::version::SpecVersion;

/// How a result is laid out. The variants are named after the packages of libcni, `types/020` and
/// so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// 0.1.0 and 0.2.0: `ip4` and `ip6`, each with `ip`, `gateway` and `routes`.
    V020,
    /// 0.3.0 to 0.4.0: `interfaces`, `ips` with `version`, `routes`. (The text of 0.3.0 has `ip`, a
    /// typing error: all plugins print `ips`.)
    V040,
    /// 1.0.0 and 1.1.0: the same without `version`.
    V100,
}

impl Layout {
    pub(super) const fn of(version: SpecVersion) -> Self {
        match version {
            SpecVersion::V0_1_0 | SpecVersion::V0_2_0 => Self::V020,
            SpecVersion::V0_3_0 | SpecVersion::V0_3_1 | SpecVersion::V0_4_0 => Self::V040,
            SpecVersion::V1_0_0 | SpecVersion::V1_1_0 => Self::V100,
        }
    }
}

/// Members of an interface that were added in 1.1.0.
pub(super) const NEW_IN_INTERFACE: [&str; 3] = ["mtu", "socketPath", "pciID"];
/// Members of a route that were added in 1.1.0.
pub(super) const NEW_IN_ROUTE: [&str; 5] = ["mtu", "advmss", "priority", "table", "scope"];

/// Returns whether a version has the members that were added in 1.1.0.
pub(super) fn has_new_members(version: SpecVersion) -> bool {
    version >= SpecVersion::V1_1_0
}

/// Returns whether a member counts as absent: `null` and the empty string do.
pub(super) fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}
