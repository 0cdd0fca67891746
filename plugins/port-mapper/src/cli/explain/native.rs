//! Reads the tables of nf_tables that packets of a family traverse.

use cni_netlink::link::{Link, Links};
use cni_netlink::nftables::{ChainInfo, Family as TableFamily, InstalledRule, Kernel, Table};

use super::bytecode::{Contents, NftTable, Sets};
use super::packet::{Interface, Known};
use crate::backend::{MappingRules, mapping_rules, own_table};
use crate::claim::Claim;
use crate::family::Family;

/// Returns the tables, and those that the kernel does not execute. The port mapper's own table is
/// one of them only if there is a claim.
pub(super) fn read(
    family: Family,
    claim: Option<&Claim>,
) -> Result<(Vec<NftTable>, Vec<Table>), cni_netlink::Error> {
    let mut kernel = Kernel::open()?;
    let bases = match kernel.base_chains() {
        // A kernel without nf_tables has no rules there.
        Err(error) if crate::backend::lacks_nf_tables(&error) => return Ok(Default::default()),
        bases => bases?,
    };
    if bases.is_empty() {
        return Ok(Default::default());
    }
    let dormant = kernel.dormant_tables()?;
    let mut tables: Vec<(Table, Vec<ChainInfo>)> = Vec::new();
    for (table, chain) in bases {
        let is_of_family = match table.family {
            TableFamily::Ip => family == Family::V4,
            TableFamily::Ip6 => family == Family::V6,
            _ => true,
        };
        if !is_of_family || dormant.contains(&table) || (table == own_table() && claim.is_none()) {
            continue;
        }
        match tables.iter_mut().find(|(known, _)| *known == table) {
            Some((_, chains)) => chains.push(chain),
            None => tables.push((table, vec![chain])),
        }
    }
    let read = |(table, chains)| {
        let own = claim.filter(|_| table == own_table()).map(mapping_rules);
        read_table(&mut kernel, table, chains, own)
    };
    let tables = tables.into_iter().map(read).collect::<Result<_, _>>()?;
    Ok((tables, dormant))
}

fn read_table(
    kernel: &mut Kernel,
    table: Table,
    chains: Vec<ChainInfo>,
    own: Option<MappingRules>,
) -> Result<NftTable, cni_netlink::Error> {
    let mut rules = kernel.rules_of_any(&table)?;
    if let Some(own) = &own {
        // Another step shows whom they exclude.
        rules.retain(|rule| !own.is_exclusion(rule));
    }
    let sets = read_sets(kernel, &table, &rules, own.as_ref())?;
    Ok(NftTable { table, chains, rules, sets, own })
}

fn read_sets(
    kernel: &mut Kernel,
    table: &Table,
    rules: &[InstalledRule],
    own: Option<&MappingRules>,
) -> Result<Sets, cni_netlink::Error> {
    let expressions = rules.iter().flat_map(|rule| &rule.expressions);
    let mut sets: Sets = Vec::new();
    for name in expressions.filter_map(NftTable::set_of) {
        if sets.iter().any(|(known, _)| known == name) {
            continue;
        }
        let contents = match own.and_then(|own| own.has_port_in(name)) {
            Some(has_port) => Contents::Known(has_port),
            None => Contents::Elements(kernel.raw_elements(table, name)?),
        };
        sets.push((name.to_owned(), contents));
    }
    Ok(sets)
}

/// What lies on top of devices, and which interfaces are bridges.
#[derive(Debug, Default)]
pub(super) struct Interfaces {
    /// A device, and the interfaces that it is part of, such as its bridge or bond.
    above: Vec<(String, Vec<String>)>,
    pub(super) bridges: Vec<String>,
}

impl Interfaces {
    /// Reads them, if a table has chains below IP.
    pub(super) fn read(tables: &[NftTable]) -> Result<Self, cni_netlink::Error> {
        let is_below = |table: &&NftTable| {
            table.table.family == TableFamily::Bridge
                || table.chains.iter().any(|chain| !chain.devices.is_empty())
        };
        if !tables.iter().any(|table| is_below(&table)) {
            return Ok(Self::default());
        }
        let links = Links::open()?.list()?;
        let name =
            |index: u32| links.iter().find(|link| link.index == index).map(|link| &link.name);
        let ports = links.iter().filter(|link| link.hairpin.is_some());
        let bridges = ports.filter_map(|link| name(link.master?).cloned()).collect();
        let above = links.iter().map(|link| {
            let all = all_above(&links, link.index);
            (link.name.clone(), all.into_iter().filter_map(|index| name(index).cloned()).collect())
        });
        Ok(Self { above: above.collect(), bridges })
    }

    /// Reports whether packets of an interface pass one of these devices: `None` if that is
    /// unknown, as of a port of its bridge.
    pub(super) fn pass(&self, devices: &[String], interface: &Interface) -> Known {
        let Some(name) = &interface.0 else { return None };
        if devices.contains(name) {
            return Some(true);
        }
        let is_part = |device: &String| {
            let above = self.above.iter().find(|(one, _)| one == device);
            above.is_some_and(|(_, above)| above.contains(name))
        };
        if devices.iter().any(is_part) { None } else { Some(false) }
    }
}

/// Returns the links that a link is part of, directly or not.
fn all_above(links: &[Link], first: u32) -> Vec<u32> {
    let mut reached = vec![first];
    let mut at = 0;
    while let Some(one) = reached.get(at).copied() {
        for link in links {
            // A VLAN lies on top of its underlying link.
            let lies_on_top = link.peer == Some(one) && !link.is_veth;
            let is_master =
                links.iter().any(|port| port.index == one && port.master == Some(link.index));
            if (lies_on_top || is_master) && !reached.contains(&link.index) {
                reached.push(link.index);
            }
        }
        at += 1;
    }
    reached.split_off(1)
}
