//! The forms of a result, and the few facts about members that reading and converting share.

use serde_json::Value;

use crate::version::SpecVersion;

/// How a result is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// 0.1.0 and 0.2.0: `ip4` and `ip6`, each with `ip`, `gateway` and `routes`.
    Slots,
    /// 0.3.0 to 0.4.0: `interfaces`, `ips` with `version`, `routes`. (The text of 0.3.0 says `ip`, which was a
    /// slip of the pen: everybody prints `ips`.)
    Tagged,
    /// 1.0.0 and 1.1.0: the same without `version`.
    Plain,
}

impl Form {
    pub(super) const fn of(version: SpecVersion) -> Self {
        match version {
            SpecVersion::V0_1_0 | SpecVersion::V0_2_0 => Self::Slots,
            SpecVersion::V0_3_0 | SpecVersion::V0_3_1 | SpecVersion::V0_4_0 => Self::Tagged,
            SpecVersion::V1_0_0 | SpecVersion::V1_1_0 => Self::Plain,
        }
    }
}

/// Members of an interface that 1.1.0 brought.
pub(super) const NEW_IN_INTERFACE: [&str; 3] = ["mtu", "socketPath", "pciID"];
/// Members of a route that 1.1.0 brought.
pub(super) const NEW_IN_ROUTE: [&str; 5] = ["mtu", "advmss", "priority", "table", "scope"];

/// Whether a version knows the members that 1.1.0 brought.
pub(super) fn knows_new_members(version: SpecVersion) -> bool {
    version >= SpecVersion::V1_1_0
}

/// `null` and the empty string mean "not there" wherever a member may be absent.
pub(super) fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}
