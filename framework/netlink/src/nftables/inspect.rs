//! Reads what other programs have made, as far as it is needed to follow a packet.

use crate::attribute::Body;
use crate::error::{Error, errno};
use crate::nftables::chain::{ChainInfo, InstalledRule};
use crate::nftables::data::Verdict;
use crate::nftables::explain;
use crate::nftables::kernel::Kernel;
use crate::nftables::table::{Family, Table};
use crate::nftables::wire::decode;
use crate::nftables::wire::encode::encoder;
use crate::nftables::wire::uapi::{element, message};
use crate::xtables::Extension;

/// An element of a set of any type, in the bytes of a register.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RawElement {
    /// The key, or the first key of an interval; `None` if it matches every key without an element.
    pub key: Option<Vec<u8>>,
    /// The last key of an interval, where the element contains it.
    pub key_end: Option<Vec<u8>>,
    /// Whether the interval of the next lower key ends before this key.
    pub ends_interval: bool,
    /// The verdict of an element of a verdict map.
    pub verdict: Option<Verdict>,
}

impl Kernel {
    /// Reports whether the kernel has a match or target of xtables for rules of iptables-nft. It
    /// loads the module if it can.
    pub fn has_extension(&mut self, extension: Extension) -> Result<bool, Error> {
        /// The subsystem of the messages, which have only one type.
        const GET: u16 = 11 << 8;
        const IPV4: u8 = 2;
        let (kind, name) = match extension {
            Extension::Match(name) => (0, name),
            Extension::Target(name) => (1, name),
        };
        let fill = |body: &mut Body<'_>| {
            body.raw(&[IPV4, 0, 0, 0]);
            body.text(1, name);
            body.u32_be(2, 0);
            body.u32_be(3, kind);
        };
        match self.ask(GET, fill, |_| Ok(())) {
            Ok(found) => Ok(found.is_some()),
            // It has other revisions only.
            Err(cause) if cause.errno() == Some(errno::EPROTONOSUPPORT) => Ok(true),
            Err(cause) => Err(cause.during("look up", format!("the extension {name}"))),
        }
    }

    /// Lists the base chains of all tables, with their tables, except those for ARP.
    pub fn base_chains(&mut self) -> Result<Vec<(Table, ChainInfo)>, Error> {
        let any_family = |body: &mut Body<'_>| body.raw(&[0; 4]);
        let chains = self.list(message::GET_CHAIN, message::NEW_CHAIN, any_family, |payload| {
            let Some(family) = payload.first().and_then(|number| Family::of_number(*number)) else {
                return Ok(None);
            };
            let Some(table) = decode::table_of_chain(payload)? else { return Ok(None) };
            let chain = decode::chain_info(payload, &table)?.filter(|chain| chain.base.is_some());
            Ok(chain.map(|chain| (Table::new(family, table), chain)))
        });
        chains.map_err(|cause| explain::lacking(cause).during("list", "the base chains"))
    }

    /// Lists the tables that are dormant: the kernel executes none of their chains.
    pub fn dormant_tables(&mut self) -> Result<Vec<Table>, Error> {
        let any_family = |body: &mut Body<'_>| body.raw(&[0; 4]);
        let tables =
            self.list(message::GET_TABLE, message::NEW_TABLE, any_family, decode::dormant_table);
        tables.map_err(|cause| explain::lacking(cause).during("list", "the tables"))
    }

    /// Lists the rules of a table, of whichever program, without the elements of anonymous sets.
    pub fn rules_of_any(&mut self, table: &Table) -> Result<Vec<InstalledRule>, Error> {
        let fill = |body: &mut Body<'_>| encoder::begin(body, table);
        let rules = self.list(message::GET_RULE, message::NEW_RULE, fill, |payload| {
            decode::installed_rule(payload, &table.name)
        });
        rules.map_err(|cause| cause.during("list", format!("the rules of table {table}")))
    }

    /// Lists the elements of a set or map of any type.
    pub fn raw_elements(&mut self, table: &Table, set: &str) -> Result<Vec<RawElement>, Error> {
        let fill = |body: &mut Body<'_>| {
            encoder::begin(body, table);
            body.text(element::SET, set);
        };
        let lists = self.list(message::GET_ELEMENT, message::NEW_ELEMENT, fill, |payload| {
            decode::element::raw_elements(payload).map(Some)
        });
        let lists = lists
            .map_err(|cause| cause.during("list", format!("the elements of {table} {set}")))?;
        Ok(lists.into_iter().flatten().collect())
    }
}
