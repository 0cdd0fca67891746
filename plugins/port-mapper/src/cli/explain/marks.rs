//! Whether the firewall marks packets, by which policy routing can select them.

use cni_netlink::nftables::Expression;

use super::firewall::Firewall;

/// Reports whether a rule may mark packets.
pub(super) fn are_set(firewall: &Firewall) -> bool {
    let marks = |line: &str| line.contains(" -j MARK ") || line.contains(" -j CONNMARK ");
    let sets = |one: &Expression| matches!(one, Expression::Raw(raw) if raw.name == "meta");
    let tables = firewall.tables.iter().filter(|table| table.own.is_none());
    firewall.listings.iter().any(|listing| listing.text.lines().any(marks))
        || tables.flat_map(|table| &table.rules).any(|rule| rule.expressions.iter().any(sets))
}
