//! Whether rules of this program can be on this host, asked of the kernel.
//!
//! A backend whose programs fail or are missing may still have left rules in the kernel, or may
//! never have been able to create any. Only the kernel knows, and its answer does not depend on
//! the version of a program. It is asked only after a failure.

use std::io::ErrorKind;
use std::{fs, path::Path};

use cni_netlink::errno;
use cni_netlink::nftables::{Family as TableFamily, Kernel, Ruleset, Table};

use super::iptables::Variant;
use super::iptables::desired::{GUARD, MASQ};
use crate::family::Family;

/// What the kernel reports about rules of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Presence {
    /// There are none: the kernel lacks the tables or the chains that contain them.
    Absent,
    /// There may be some.
    Possible,
    /// The kernel cannot be asked.
    Unknown,
}

impl Presence {
    /// Combines two places in which rules may be.
    fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Possible => Self::Possible,
            Self::Absent => other(),
            Self::Unknown => match other() {
                Self::Possible => Self::Possible,
                _ => Self::Unknown,
            },
        }
    }
}

/// Asks for rules that iptables made, in a variant and a family. `chains` are those that may
/// contain them, in addition to the chains that all networks share.
pub(super) fn of_iptables(variant: Variant, family: Family, chains: &[&str]) -> Presence {
    if family == Family::V6 && lacks_ipv6() {
        return Presence::Absent;
    }
    match variant {
        Variant::Legacy => of_legacy(family),
        Variant::Nft => of_nft(family, chains),
        // Which of the two it is, or was when the rules were made, only the program could tell.
        Variant::Default => of_legacy(family).or(|| of_nft(family, chains)),
    }
}

/// Without IPv6, the kernel has no file with its addresses, and no packet.
fn lacks_ipv6() -> bool {
    matches!(fs::exists("/proc/net/if_inet6"), Ok(false)) && has_proc()
}

fn has_proc() -> bool {
    Path::new("/proc/net/dev").exists()
}

/// The kernel lists the tables of the legacy variant that exist in this network namespace. The file
/// exists once the module is loaded.
fn of_legacy(family: Family) -> Presence {
    let names = match family {
        Family::V4 => "/proc/net/ip_tables_names",
        Family::V6 => "/proc/net/ip6_tables_names",
    };
    match fs::read_to_string(names) {
        Ok(names) if names.lines().any(|name| name == "nat" || name == "raw") => Presence::Possible,
        Ok(_) => Presence::Absent,
        Err(error) if error.kind() == ErrorKind::NotFound && has_proc() => Presence::Absent,
        Err(_) => Presence::Unknown,
    }
}

/// The nf_tables variant keeps its chains in the tables `nat` and `raw` of its family.
fn of_nft(family: Family, chains: &[&str]) -> Presence {
    let mut kernel = match Kernel::open() {
        Ok(kernel) => kernel,
        Err(error) => return of_refusal(&error),
    };
    let family = match family {
        Family::V4 => TableFamily::Ip,
        Family::V6 => TableFamily::Ip6,
    };
    let nat = Table::new(family, "nat");
    let nat_chains = chains.iter().chain(&[MASQ]);
    let raw = Table::new(family, "raw");
    nat_chains
        .map(|chain| (&nat, *chain))
        .chain([(&raw, GUARD)])
        .fold(Presence::Absent, |found, (table, chain)| {
            found.or(|| of_answer(&kernel.chain(table, chain)))
        })
}

fn of_answer<T>(answer: &Result<Option<T>, cni_netlink::Error>) -> Presence {
    match answer {
        Ok(Some(_)) => Presence::Possible,
        Ok(None) => Presence::Absent,
        Err(error) => of_refusal(error),
    }
}

/// A kernel without nf_tables, or without netfilter's netlink interface, refuses every request.
fn of_refusal(error: &cni_netlink::Error) -> Presence {
    match error.errno() {
        Some(errno::EINVAL | errno::EOPNOTSUPP | errno::EPROTONOSUPPORT | errno::EAFNOSUPPORT) => {
            Presence::Absent
        }
        _ => Presence::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::Presence::{Absent, Possible, Unknown};
    use super::*;

    #[test]
    fn rules_are_absent_only_where_they_are_absent_in_every_place() {
        let or = |one: Presence, other| one.or(|| other);
        assert_eq!(or(Absent, Absent), Absent);
        assert_eq!([or(Absent, Unknown), or(Unknown, Absent)], [Unknown; 2]);
        assert_eq!([or(Absent, Possible), or(Unknown, Possible)], [Possible; 2]);
        assert_eq!(Possible.or(|| panic!("needs no second answer")), Possible);
    }
}
