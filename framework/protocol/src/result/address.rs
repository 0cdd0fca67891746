//! Addresses as text: parsing them, and finding their family.
//!
//! An IPv4-mapped address (`::ffff:10.0.0.2/112`) is IPv4 (`10.0.0.2/16`), as it is for libcni.

use std::net::IpAddr;

use serde_json::Value;

/// Length of `::ffff:0:0/96`, the prefix of the mapped addresses.
const MAPPED: u8 = 96;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    /// Returns the family as `ips[].version` has it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "4",
            Self::V6 => "6",
        }
    }

    /// Returns the family of an address with prefix length, or `None` if the text is not one.
    pub(super) fn of(text: &str) -> Option<Self> {
        cidr(text).map(|(address, _)| if address.is_ipv4() { Self::V4 } else { Self::V6 })
    }

    /// Parses the value of `ips[].version`.
    pub(super) fn read(version: &str) -> Option<Self> {
        [Self::V4, Self::V6].into_iter().find(|family| family.as_str() == version)
    }

    /// Returns the family of an address for which the document declares one: the declared family if
    /// the address can belong to it, else the address's own.
    pub(super) fn declared(declared: Self, address: &str) -> Option<Self> {
        let own = Self::of(address)?;
        let may_be_v6 = address.contains(':');
        Some(if declared == Self::V6 && may_be_v6 { Self::V6 } else { own })
    }

    /// Returns the text of an address, with or without prefix length, for a member that declares
    /// this family. Only a mapped address changes: it becomes plain IPv4 if the family is IPv4.
    pub(super) fn text(self, text: &str) -> String {
        if self == Self::V6 || !text.contains(':') {
            return text.to_owned();
        }
        match (cidr(text), ip(text)) {
            (Some((IpAddr::V4(address), prefix)), _) => format!("{address}/{prefix}"),
            (_, Some(IpAddr::V4(address))) => address.to_string(),
            _ => text.to_owned(),
        }
    }

    /// Does the same as [`Family::text`] with a member of a document.
    pub(super) fn value(self, value: &Value) -> Value {
        value.as_str().map_or_else(|| value.clone(), |text| self.text(text).into())
    }
}

/// The members of 0.1.0 and 0.2.0 that contain an address, and the family of each.
pub(super) const SLOTS: [(&str, Family); 2] = [("ip4", Family::V4), ("ip6", Family::V6)];

/// Parses an address without prefix length.
pub(super) fn ip(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// Parses an address with prefix length; bits beyond the prefix may be set.
pub(super) fn cidr(text: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = text.split_once('/')?;
    let address: IpAddr = address.parse().ok()?;
    // `parse` alone would accept "+8".
    let digits = prefix.bytes().all(|byte| byte.is_ascii_digit());
    let prefix: u8 = prefix.parse().ok().filter(|_| digits)?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    let plain = address.to_canonical();
    let cut = if plain == address { 0 } else { MAPPED };
    (prefix <= longest).then(|| (plain, prefix.saturating_sub(cut)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cidr_needs_a_valid_prefix_length() {
        let wrong = ["10.0.0.1", "10.0.0.1/33", "10.0.0.1/+8", "10.0.0.1/", "10.0.0/8", "/8", ""];
        for text in
            wrong.into_iter().chain(["::1/129", "fe80::1%eth0/64", " 10.0.0.1/8", "1.2.3.4/8/8"])
        {
            assert_eq!(cidr(text), None, "{text:?}");
        }
        assert_eq!(cidr("10.1.2.3/8"), Some(("10.1.2.3".parse().unwrap(), 8)));
    }

    #[test]
    fn a_mapped_address_is_ipv4() {
        assert_eq!(cidr("::ffff:10.3.0.5/112"), cidr("10.3.0.5/16"));
        assert_eq!(ip("::ffff:10.3.0.1"), ip("10.3.0.1"));
        assert_eq!(Family::V4.text("::ffff:10.3.0.5/112"), "10.3.0.5/16");
        assert_eq!(Family::V4.text("::ffff:10.3.0.1"), "10.3.0.1");
        assert_eq!(Family::V6.text("::ffff:10.3.0.5/112"), "::ffff:10.3.0.5/112");
    }

    #[test]
    fn a_declared_family_counts_only_if_the_address_can_belong_to_it() {
        assert_eq!(Family::declared(Family::V6, "::ffff:10.3.0.5/112"), Some(Family::V6));
        assert_eq!(Family::declared(Family::V4, "::ffff:10.3.0.5/112"), Some(Family::V4));
        assert_eq!(Family::declared(Family::V6, "10.3.0.5/16"), Some(Family::V4));
        assert_eq!(Family::declared(Family::V4, "fd00::5/64"), Some(Family::V6));
        assert_eq!(Family::declared(Family::V4, "nonsense"), None);
    }
}
