//! The firewall rules of all programs in a network namespace, as they are needed to follow a
//! packet.

use std::fs;

use cni_netlink::nftables::{ChainInfo, ChainType, Family as TableFamily, Hook, Policy, Table};

use super::bytecode::NftTable;
use super::hooks::{Layer, Passage};
use super::listing::{Listing, chains_at};
use super::native::{self, Interfaces};
use super::packet::{Known, Packet};
use super::walk::{Outcome, follow};
use crate::backend::{AnyBackend, Backends};
use crate::claim::Claim;
use crate::config::BackendKind;
use crate::family::Family;

/// All firewall rules for a family.
#[derive(Default)]
pub(in crate::cli) struct Firewall {
    pub(in crate::cli) listings: Vec<Listing>,
    pub(in crate::cli) tables: Vec<NftTable>,
    /// The tables that the kernel does not execute.
    pub(in crate::cli) dormant: Vec<Table>,
    pub(super) interfaces: Interfaces,
    /// What could not be read, and why.
    pub(in crate::cli) unread: Vec<String>,
}

/// A chain at a hook, with all rules that a packet can reach from it.
pub(super) struct Hooked<'a> {
    pub(super) source: Source<'a>,
    pub(super) chain: &'a str,
    pub(super) priority: i32,
    pub(super) translates: bool,
    drops_by_policy: bool,
    /// Whether the packet traverses it, which is not known of the devices below an interface.
    pub(super) is_traversed: Known,
}

/// Where the rules of a chain are.
#[derive(Clone, Copy)]
pub(super) enum Source<'a> {
    /// A table in a listing.
    Listing(&'a Listing, &'static str),
    Native(&'a NftTable),
}

impl Firewall {
    /// Reads the rules of the calling thread's network namespace. It runs the programs of iptables
    /// only for tables that exist. The table of the port mapper is read as far as it concerns a
    /// claim.
    pub(in crate::cli) async fn read(
        backends: &Backends,
        family: Family,
        claim: Option<&Claim>,
    ) -> Self {
        let mut firewall = Self::default();
        if uses_legacy(family) {
            firewall.list(backends, BackendKind::IptablesLegacy, family).await;
        }
        match native::read(family, claim) {
            Ok((tables, dormant)) => (firewall.tables, firewall.dormant) = (tables, dormant),
            Err(error) => firewall.unread.push(error.to_string()),
        }
        match Interfaces::read(&firewall.tables) {
            Ok(interfaces) => firewall.interfaces = interfaces,
            Err(error) => firewall.unread.push(error.to_string()),
        }
        let is_of_iptables = |table: &Table| is_of_iptables(table, family);
        let is_used = firewall.tables.iter().any(|one| is_of_iptables(&one.table));
        if is_used || firewall.dormant.iter().any(is_of_iptables) {
            firewall.list(backends, BackendKind::IptablesNft, family).await;
        }
        let Self { listings, tables, dormant, .. } = &mut firewall;
        for listing in listings.iter_mut().filter(|listing| listing.program.ends_with("-nft")) {
            tables.retain(|one| !(is_of_iptables(&one.table) && listing.has(&one.table.name)));
            let asleep = dormant.iter().filter(|table| is_of_iptables(table));
            listing.dormant = asleep.map(|table| table.name.clone()).collect();
        }
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
            Ok(text) => self.listings.push(Listing::new(program, text)),
            Err(error) if is_legacy => self.unread.push(error.to_string()),
            // The kernel shows the rules, too, but not all of their matches.
            Err(error) => log::info!("the rules are read without {program}: {error}"),
        }
    }

    /// Returns the chains that a packet traverses at a hook, in their order.
    pub(super) fn chains(&self, passage: &Passage) -> Vec<Hooked<'_>> {
        let mut chains = Vec::new();
        if passage.layer == Layer::Ip {
            for listing in &self.listings {
                chains.extend(chains_at(passage.hook).filter_map(|(table, chain, priority)| {
                    let policy = listing.policy(table, chain)?;
                    let is_awake = !listing.dormant.iter().any(|one| one == table);
                    is_awake.then_some(Hooked {
                        source: Source::Listing(listing, table),
                        chain,
                        priority,
                        translates: table == "nat",
                        drops_by_policy: policy.starts_with("DROP"),
                        is_traversed: Some(true),
                    })
                }));
            }
        }
        for table in &self.tables {
            let of_table = table.chains.iter();
            chains.extend(of_table.filter_map(|chain| self.native_chain(table, chain, passage)));
        }
        chains.sort_by_key(|chain| chain.priority);
        chains
    }

    /// Returns a chain of nf_tables, if packets traverse it at the hook.
    fn native_chain<'a>(
        &self,
        table: &'a NftTable,
        chain: &'a ChainInfo,
        passage: &Passage,
    ) -> Option<Hooked<'a>> {
        let base = chain.base.filter(|base| base.hook == passage.hook)?;
        let layer = match (table.table.family, base.hook) {
            (TableFamily::Netdev, _) | (_, Hook::Ingress | Hook::Egress) => Layer::Device,
            (TableFamily::Bridge, _) => Layer::Bridge,
            _ => Layer::Ip,
        };
        let is_traversed = match layer {
            Layer::Device => self.interfaces.pass(&chain.devices, passage.interface()),
            _ => Some(true),
        };
        (layer == passage.layer && is_traversed != Some(false)).then_some(Hooked {
            source: Source::Native(table),
            chain: &chain.name,
            priority: base.priority,
            translates: base.kind == ChainType::Nat,
            drops_by_policy: base.policy == Policy::Drop,
            is_traversed,
        })
    }
}

impl<'a> Hooked<'a> {
    /// Follows a packet. Rules with `tag` are the mapping's own.
    pub(super) fn follow(&self, packet: &Packet, tag: Option<&str>) -> Outcome<'a> {
        let source = self.source;
        follow(self.chain, self.drops_by_policy, &|chain| match source {
            Source::Listing(listing, table) => listing.rules(table, chain, packet, tag),
            Source::Native(table) => table.rules(chain, packet),
        })
    }

    /// Returns what it is called in a message.
    pub(super) fn text(&self) -> String {
        let chain = self.chain;
        match self.source {
            Source::Listing(Listing { program, .. }, table) => {
                format!("chain {chain} (`{program} -t {table} -S {chain}`)")
            }
            Source::Native(NftTable { table, .. }) => {
                format!("chain {chain} (`nft list chain {table} {chain}`)")
            }
        }
    }

    /// Returns the command that puts a rule before all others: `iptables-nft -t filter -I FORWARD`.
    pub(super) fn insert(&self) -> String {
        let chain = self.chain;
        match self.source {
            Source::Listing(Listing { program, .. }, table) => {
                format!("{program} -t {table} -I {chain}")
            }
            Source::Native(NftTable { table, .. }) => format!("nft insert rule {table} {chain}"),
        }
    }

    /// Reports whether its table contains rules of the mapping.
    pub(super) fn has_own(&self, tag: &str) -> bool {
        match self.source {
            Source::Listing(listing, table) => listing.has_tag(table, tag),
            Source::Native(table) => table.own.is_some(),
        }
    }

    /// Reports whether the mapping's own rules are in a chain, or are reached by it only.
    pub(super) fn leads_to_own(&self, chain: &str, tag: &str) -> bool {
        match self.source {
            Source::Listing(listing, table) => listing.has_tag_in(table, chain, tag),
            Source::Native(table) => table.own.as_ref().is_some_and(|own| own.leads_by(chain)),
        }
    }
}

/// Reports whether a table has a name of those of iptables-nft.
fn is_of_iptables(table: &Table, family: Family) -> bool {
    let of_family = match family {
        Family::V4 => TableFamily::Ip,
        Family::V6 => TableFamily::Ip6,
    };
    table.family == of_family
        && ["raw", "mangle", "nat", "filter", "security"].contains(&table.name.as_str())
}

/// Reports whether the legacy variant was used in the thread's namespace.
fn uses_legacy(family: Family) -> bool {
    let path = match family {
        Family::V4 => "/proc/thread-self/net/ip_tables_names",
        Family::V6 => "/proc/thread-self/net/ip6_tables_names",
    };
    fs::read_to_string(path).is_ok_and(|names| !names.trim().is_empty())
}
