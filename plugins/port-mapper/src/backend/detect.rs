//! Finds out where on this host rules of ours are, from the kernel and without running a program.
//!
//! Such rules belong to containers that were started before the configuration or the variant of
//! iptables was changed, or that Mesos's original port mapper served.
//!
//! A host may have ten thousand rules of other programs, and every ADD asks, so [`of_iptables_nft`]
//! reads only chains that can have rules of ours. [`Tags`] reads all: it is for a DEL or GC that
//! knows nothing else, and costs less than a program that lists the same rules.
//!
//! The legacy variant's tables are asked for only if they exist already, since a question would
//! create them.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use cni_netlink::errno;
use cni_netlink::nftables::{Family as TableFamily, Kernel, RuleView, Ruleset, Table};
use cni_netlink::xtables::{self, Family as LegacyFamily};
use cni_wrapper::{Attachment, FileError};

use super::any::AnyBackend;
use super::guard::has_legacy_guard;
use super::iptables::desired::{GUARD, MASQ};
use super::nftables::{self, lacks_nf_tables};
use super::opened::Backends;
use crate::config::BackendKind;
use crate::error::Error;
use crate::family::Family;
use crate::files::read_small;
use crate::ordered;
use crate::owner::{MARK, Owner, RuleTag};

/// Reports whether the table of the nftables backend exists.
pub(super) fn of_nftables(kernel: &mut Kernel) -> Result<bool, Error> {
    exists(kernel, &nftables::table())
}

/// Reports whether a packet can reach rules that iptables-nft made for us, or for Mesos's original
/// port mapper, in any chain.
pub(super) fn of_iptables_nft(kernel: &mut Kernel, chain: &str) -> Result<bool, Error> {
    for table in nat_tables() {
        if !exists(kernel, &table)? {
            continue;
        }
        // It exists as long as one of our rules needs it.
        if kernel.chain(&table, MASQ)?.is_some() {
            return Ok(true);
        }
        let mut chains =
            ordered::set(kernel.scan_rules(&table, Some("PREROUTING"), network_chain)?);
        chains.insert(chain.to_owned());
        for chain in chains {
            if !kernel.scan_rules(&table, Some(&chain), tag)?.is_empty() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

/// The owners of all rules that a variant of iptables made for us or for the original.
pub(super) struct Tags(BTreeSet<String>);

impl Tags {
    /// Reads all rules of the nat tables of iptables-nft. A kernel without nf_tables has none.
    pub(super) fn read(kernel: &mut Kernel, families: &[Family]) -> Result<Self, Error> {
        let mut tags = BTreeSet::new();
        for family in families {
            match kernel.scan_rules(&nat_table(*family), None, tag) {
                Ok(found) => tags.extend(found),
                Err(error) if lacks_nf_tables(&error) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self(tags))
    }

    /// Reads them with a new socket.
    pub(super) fn of_iptables_nft(families: &[Family]) -> Result<Self, Error> {
        match Kernel::open() {
            Ok(mut kernel) => Self::read(&mut kernel, families),
            Err(error) if lacks_nf_tables(&error) => Ok(Self(BTreeSet::new())),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads all rules of the nat tables of iptables-legacy that exist.
    pub(super) fn of_iptables_legacy(families: &[Family]) -> Result<Self, Error> {
        let mut tags = BTreeSet::new();
        for family in families.iter().map(|family| legacy(*family)) {
            if !has_legacy_table(family, "nat")? {
                continue;
            }
            match xtables::comments(family, "nat") {
                Ok(all) => tags.extend(all.into_iter().filter(|one| one.starts_with(MARK))),
                // Without IPv6 no packet reaches its rules.
                Err(error) if error.errno() == Some(errno::EAFNOSUPPORT) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Self(tags))
    }

    /// Returns what they show of an attachment, or of any owner if none is given.
    pub(super) fn traces(
        &self,
        owner: Option<&Attachment>,
        has_remnants: impl FnOnce() -> bool,
    ) -> Traces {
        if self.has(owner) {
            Traces::Rules
        } else if self.is_empty() && has_remnants() {
            Traces::Possible
        } else {
            Traces::None
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reports whether there are rules of the attachment, or of any owner if none is given.
    pub(super) fn has(&self, owner: Option<&Attachment>) -> bool {
        owner.map_or(!self.0.is_empty(), |owner| {
            self.0.contains(&owner.tag()) || self.0.contains(&owner.original_tag())
        })
    }

    /// Returns the attachment if it has rules, or the first owner if no attachment is given.
    pub(super) fn find(&self, owner: Option<&Attachment>) -> Option<Owner> {
        match owner {
            Some(owner) => self.has(Some(owner)).then(|| owner.into()),
            None => self.0.iter().find_map(|tag| Owner::parse(tag)),
        }
    }
}

/// What the kernel shows of an owner in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Traces {
    /// Nothing.
    None,
    /// No rule of any owner, but perhaps empty chains or a guard; or only a program can show it.
    Possible,
    /// Rules that must be removed.
    Rules,
}

/// Returns what the tables of iptables-legacy show.
pub(super) fn traces_of_legacy(owner: Option<&Attachment>) -> Traces {
    match Tags::of_iptables_legacy(&Family::ALL) {
        Ok(tags) => tags.traces(owner, has_legacy_guard),
        Err(error) => {
            log::info!("the legacy tables can be searched by their program only: {error}");
            Traces::Possible
        }
    }
}

/// Reports whether a chain of ours exists in a table of iptables-nft. None has rules if there is no
/// tag.
pub(super) fn has_own_chain(kernel: &mut Kernel) -> bool {
    let mut has = |table: &Table, name| matches!(kernel.chain(table, name), Ok(Some(_)));
    nat_tables().iter().any(|table| has(table, MASQ)) || has(&raw_table(), GUARD)
}

fn legacy(family: Family) -> LegacyFamily {
    match family {
        Family::V4 => LegacyFamily::Ip,
        Family::V6 => LegacyFamily::Ip6,
    }
}

/// Returns the matches of a name in a chain of the nat table of iptables-legacy. What can't be read
/// has none.
pub fn legacy_matches(family: Family, chain: &str, name: &str) -> Vec<xtables::Match> {
    let family = legacy(family);
    match has_legacy_table(family, "nat") {
        Ok(true) => xtables::matches(family, "nat", chain, name).unwrap_or_default(),
        _ => Vec::new(),
    }
}

impl Backends {
    /// Collects what `select` returns for the rules of a chain in the nat table of iptables-nft.
    /// What can't be read has none.
    pub fn rules_of_nft<T>(
        &self,
        family: Family,
        chain: &str,
        select: impl FnMut(&RuleView<'_>) -> Option<T>,
    ) -> Vec<T> {
        let Ok(AnyBackend::Nftables(nftables)) = self.get(BackendKind::Nftables) else {
            return Vec::new();
        };
        let scan =
            |kernel: &mut Kernel| Ok(kernel.scan_rules(&nat_table(family), Some(chain), select)?);
        nftables.with(scan).unwrap_or_default()
    }
}

/// Reports whether a table of the legacy variant was used since the boot, so that it exists.
pub(super) fn has_legacy_table(family: LegacyFamily, table: &str) -> Result<bool, Error> {
    let file = match family {
        LegacyFamily::Ip => "/proc/net/ip_tables_names",
        LegacyFamily::Ip6 => "/proc/net/ip6_tables_names",
    };
    match read_small(file) {
        Ok(names) => Ok(names.lines().any(|name| name == table)),
        // The kernel has no such tables; but without /proc it is unknown.
        Err(error) if error.kind() == ErrorKind::NotFound && Path::new("/proc/net").exists() => {
            Ok(false)
        }
        Err(source) => Err(FileError { action: "read", path: file.into(), source }.into()),
    }
}

fn exists(kernel: &mut Kernel, table: &Table) -> Result<bool, Error> {
    match kernel.table(table) {
        Ok(found) => Ok(found.is_some()),
        Err(error) if lacks_nf_tables(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The tables of iptables-nft.
pub(super) fn nat_tables() -> [Table; 2] {
    Family::ALL.map(nat_table)
}

pub(super) fn nat_table(family: Family) -> Table {
    let family = match family {
        Family::V4 => TableFamily::Ip,
        Family::V6 => TableFamily::Ip6,
    };
    Table::new(family, "nat")
}

/// The table with the guard.
pub(super) fn raw_table() -> Table {
    Table::new(TableFamily::Ip, "raw")
}

/// Returns the rule's comment if it names an owner.
fn tag(rule: &RuleView<'_>) -> Option<String> {
    let comment = rule.comment().filter(|comment| comment.starts_with(MARK.as_bytes()))?;
    Some(String::from_utf8_lossy(comment).into_owned())
}

/// Returns the chain that a rule jumps to in the form of a jump to a network's chain. Other
/// programs use that form, too, but not for chains with a rule for each of thousands of services.
fn network_chain(rule: &RuleView<'_>) -> Option<String> {
    let is_addrtype = rule.expressions().any(|expression| {
        // `fib`: what iptables-translate makes of it.
        expression.xtables_match() == Some(b"addrtype") || expression.name() == b"fib"
    });
    rule.target().filter(|_| is_addrtype)
}
