//! The firewall rules of all programs, as they are needed to follow a packet.

use std::fs;

use cni_netlink::nftables::{ChainInfo, Family as TableFamily, Hook, Kernel, Table};

use super::bytecode::{NftTable, Sets};
use super::packet::Packet;
use super::save::Listing;
use super::walk::{Base, Rule};
use crate::backend::{AnyBackend, Backends};
use crate::config::BackendKind;
use crate::family::Family;

/// The tables of iptables that have a chain FORWARD, and the priority of the chain.
const FORWARDING: [(&str, i32); 3] = [("mangle", -150), ("filter", 0), ("security", 50)];
/// The priority of destination translation.
pub(super) const DSTNAT: i32 = -100;

/// All firewall rules for a family.
#[derive(Debug, Default)]
pub(in crate::cli) struct Firewall {
    pub(in crate::cli) listings: Vec<Listing>,
    pub(in crate::cli) tables: Vec<NftTable>,
    /// What could not be read, and why.
    pub(in crate::cli) unread: Vec<String>,
}

/// A chain at a hook, with all rules that a packet can reach from it.
pub(super) struct Hooked {
    pub(super) base: Base,
    pub(super) rules: Vec<Rule>,
    /// The command that puts a rule before all others: `iptables-nft -t filter -I FORWARD`.
    pub(super) insert: String,
}

impl Firewall {
    /// Reads the rules. It runs the programs of iptables only for tables that exist.
    pub(in crate::cli) async fn read(backends: &Backends, family: Family) -> Self {
        let mut firewall = Self::default();
        if uses_legacy(family) {
            firewall.list(backends, BackendKind::IptablesLegacy, family).await;
        }
        let native = match read_native(family) {
            Ok(tables) => tables,
            Err(error) => {
                firewall.unread.push(error.to_string());
                Vec::new()
            }
        };
        if native.iter().any(|table| is_of_iptables(&table.table)) {
            firewall.list(backends, BackendKind::IptablesNft, family).await;
        }
        let shown = |table: &NftTable| {
            let listed = firewall.listings.iter().filter(|listing| listing.program.contains("nft"));
            is_of_iptables(&table.table)
                && listed.into_iter().any(|listing| listing.has(&table.table.name))
        };
        firewall.tables = native.into_iter().filter(|table| !shown(table)).collect();
        firewall
    }

    async fn list(&mut self, backends: &Backends, kind: BackendKind, family: Family) {
        let is_legacy = kind == BackendKind::IptablesLegacy;
        let listed = match backends.get(kind) {
            Ok(AnyBackend::Iptables(iptables)) => iptables.list_all(family).await,
            Ok(AnyBackend::Nftables(_)) => return,
            Err(error) => Err(error),
        };
        let program = match family {
            Family::V4 => "iptables",
            Family::V6 => "ip6tables",
        };
        let program = format!("{program}-{}", if is_legacy { "legacy" } else { "nft" });
        match listed {
            Ok(text) => self.listings.push(Listing { program, text }),
            Err(error) if is_legacy => self.unread.push(error.to_string()),
            // The kernel shows the rules, too, but not all of their matches.
            Err(error) => log::info!("the rules are read without {program}: {error}"),
        }
    }

    /// Returns the chains that forwarded packets traverse.
    pub(super) fn forward(&self, packet: &Packet) -> Vec<Hooked> {
        let mut chains = Vec::new();
        for listing in &self.listings {
            for (table, priority) in FORWARDING {
                chains.extend(listing.base(table, "FORWARD", priority).map(|base| Hooked {
                    base,
                    rules: listing.rules(table, packet, "\0"),
                    insert: format!("{} -t {table} -I FORWARD", listing.program),
                }));
            }
        }
        chains.extend(self.native(Hook::Forward, false, packet));
        chains
    }

    /// Returns the chains that translate the destinations of packets that are received, or sent by
    /// this host, with the listing's rules of this tag as the mapping's own.
    pub(super) fn translation(&self, packet: &Packet, tag: &str) -> Vec<Hooked> {
        let (hook, chain) = match packet.is_of_this_host() {
            true => (Hook::Output, "OUTPUT"),
            false => (Hook::Prerouting, "PREROUTING"),
        };
        let of_listing = |listing: &Listing| {
            let base = listing.base("nat", chain, DSTNAT)?;
            let rules = listing.rules("nat", packet, tag);
            Some(Hooked { base, rules, insert: String::new() })
        };
        let mut chains: Vec<_> = self.listings.iter().filter_map(of_listing).collect();
        chains.extend(self.native(hook, true, packet));
        chains
    }

    /// Returns the chains that received packets traverse before they are routed, except those that
    /// translate.
    pub(super) fn before_routing(&self, packet: &Packet) -> Vec<Hooked> {
        let mut chains = Vec::new();
        for listing in &self.listings {
            for (table, priority) in [("raw", -300), ("mangle", -150)] {
                chains.extend(listing.base(table, "PREROUTING", priority).map(|base| Hooked {
                    base,
                    rules: listing.rules(table, packet, "\0"),
                    insert: String::new(),
                }));
            }
        }
        chains.extend(self.native(Hook::Prerouting, false, packet));
        chains
    }

    fn native(
        &self,
        hook: Hook,
        translates: bool,
        packet: &Packet,
    ) -> impl Iterator<Item = Hooked> {
        let is_at_hook = move |chain: &&ChainInfo| {
            chain.base.is_some_and(|base| base.hook == hook && is_nat(&base) == translates)
        };
        self.tables.iter().flat_map(move |table| {
            table.chains.iter().filter(is_at_hook).filter_map(move |chain| {
                Some(Hooked {
                    base: table.base(chain)?,
                    rules: table.rules(packet),
                    insert: format!("nft insert rule {} {}", table.table, chain.name),
                })
            })
        })
    }
}

fn is_nat(base: &cni_netlink::nftables::BaseChain) -> bool {
    base.kind == cni_netlink::nftables::ChainType::Nat
}

/// Reports whether a table has a name of those of iptables-nft.
fn is_of_iptables(table: &Table) -> bool {
    table.family != TableFamily::Inet
        && ["raw", "mangle", "nat", "filter", "security"].contains(&table.name.as_str())
}

/// Reports whether the legacy variant was used since the boot.
fn uses_legacy(family: Family) -> bool {
    let path = match family {
        Family::V4 => "/proc/net/ip_tables_names",
        Family::V6 => "/proc/net/ip6_tables_names",
    };
    fs::read_to_string(path).is_ok_and(|names| !names.trim().is_empty())
}

/// Reads the tables of nf_tables with a chain that forwarded or translated packets traverse, except
/// the port mapper's own.
fn read_native(family: Family) -> Result<Vec<NftTable>, cni_netlink::Error> {
    let mut kernel = Kernel::open()?;
    let bases = match kernel.base_chains() {
        // A kernel without nf_tables has no rules there.
        Err(error) if crate::backend::lacks_nf_tables(&error) => return Ok(Vec::new()),
        bases => bases?,
    };
    let mut tables: Vec<(Table, Vec<ChainInfo>)> = Vec::new();
    let is_of_family = |table: &Table| match table.family {
        TableFamily::Ip => family == Family::V4,
        TableFamily::Ip6 => family == Family::V6,
        _ => true,
    };
    for (table, chain) in bases {
        let is_needed = chain.base.is_some_and(|base| {
            let translates = base.hook == Hook::Output && is_nat(&base);
            translates || matches!(base.hook, Hook::Prerouting | Hook::Forward)
        });
        if !is_needed || !is_of_family(&table) || table == crate::backend::own_table() {
            continue;
        }
        match tables.iter_mut().find(|(known, _)| *known == table) {
            Some((_, chains)) => chains.push(chain),
            None => tables.push((table, vec![chain])),
        }
    }
    tables.into_iter().map(|(table, chains)| read_table(&mut kernel, table, chains)).collect()
}

fn read_table(
    kernel: &mut Kernel,
    table: Table,
    chains: Vec<ChainInfo>,
) -> Result<NftTable, cni_netlink::Error> {
    let rules = kernel.rules_of_any(&table)?;
    let expressions = rules.iter().flat_map(|rule| &rule.expressions);
    let mut sets: Sets = Vec::new();
    for name in expressions.filter_map(NftTable::set_of) {
        if !sets.iter().any(|(known, _)| known == name) {
            sets.push((name.to_owned(), kernel.raw_elements(&table, name)?));
        }
    }
    Ok(NftTable { table, chains, rules, sets })
}
