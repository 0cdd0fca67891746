//! A listing of iptables-save, by tables and chains.

use std::collections::HashMap;
use std::ops::Range;

use cni_netlink::nftables::Hook;

/// Tables that have a chain, with its priority in each.
type Tables = &'static [(&'static str, i32)];

/// The chains at hooks.
const CHAINS: [(Hook, &str, Tables); 5] = [
    (Hook::Prerouting, "PREROUTING", &[("raw", -300), ("mangle", -150), ("nat", -100)]),
    (Hook::Input, "INPUT", &[("mangle", -150), ("filter", 0), ("security", 50), ("nat", 100)]),
    (Hook::Forward, "FORWARD", &[("mangle", -150), ("filter", 0), ("security", 50)]),
    (
        Hook::Output,
        "OUTPUT",
        &[("raw", -300), ("mangle", -150), ("nat", -100), ("filter", 0), ("security", 50)],
    ),
    (Hook::Postrouting, "POSTROUTING", &[("mangle", -150), ("nat", 100)]),
];

/// Returns the chains of iptables at a hook: the table, the chain and its priority.
pub(super) fn chains_at(hook: Hook) -> impl Iterator<Item = (&'static str, &'static str, i32)> {
    let at_hook = CHAINS.into_iter().filter(move |(its, ..)| *its == hook);
    at_hook.flat_map(|(_, chain, tables)| {
        tables.iter().map(move |(table, priority)| (*table, chain, *priority))
    })
}

/// The listing of one program.
#[derive(Debug)]
pub(in crate::cli) struct Listing {
    /// The program that changes these rules, such as `iptables-legacy`.
    pub(in crate::cli) program: String,
    /// The tables that the kernel does not execute.
    pub(in crate::cli) dormant: Vec<String>,
    pub(in crate::cli) text: String,
    /// Large tables are read once, and not for each chain.
    tables: HashMap<String, HashMap<String, Chain>>,
}

/// Where a chain is in the text.
#[derive(Debug, Default)]
struct Chain {
    policy: Range<usize>,
    /// The rules, without `-A` and the name of the chain.
    specs: Vec<Range<usize>>,
}

impl Listing {
    /// Reads what a program has listed.
    pub(super) fn new(program: impl Into<String>, text: impl Into<String>) -> Self {
        let text = text.into();
        let tables = tables(&text);
        Self { program: program.into(), dormant: Vec::new(), text, tables }
    }

    /// Reports whether it contains a table.
    pub(super) fn has(&self, table: &str) -> bool {
        self.tables.contains_key(table)
    }

    /// Reports whether a table contains a chain.
    pub(super) fn has_chain(&self, table: &str, chain: &str) -> bool {
        self.chain(table, chain).is_some()
    }

    /// Returns what follows the name of a chain: for a built-in chain its policy.
    pub(super) fn policy(&self, table: &str, chain: &str) -> Option<&str> {
        Some(self.part(&self.chain(table, chain)?.policy))
    }

    /// Returns the rules of a chain, without `-A` and its name.
    pub(super) fn specs(&self, table: &str, chain: &str) -> impl Iterator<Item = &str> {
        let specs = self.chain(table, chain).into_iter().flat_map(|chain| &chain.specs);
        specs.map(|spec| self.part(spec))
    }

    /// Returns the name of a chain, with the life of the listing.
    pub(super) fn name(&self, table: &str, chain: &str) -> Option<&str> {
        self.tables.get(table)?.get_key_value(chain).map(|(name, _)| &**name)
    }

    /// Reports whether a table contains rules with a tag.
    pub(super) fn has_tag(&self, table: &str, tag: &str) -> bool {
        let chains = self.tables.get(table).into_iter().flat_map(HashMap::keys);
        chains.into_iter().any(|chain| self.has_tag_in(table, chain, tag))
    }

    /// Reports whether a chain contains rules with a tag.
    pub(super) fn has_tag_in(&self, table: &str, chain: &str, tag: &str) -> bool {
        self.specs(table, chain).any(|spec| spec.contains(tag))
    }

    fn chain(&self, table: &str, chain: &str) -> Option<&Chain> {
        self.tables.get(table)?.get(chain)
    }

    fn part(&self, range: &Range<usize>) -> &str {
        self.text.get(range.clone()).unwrap_or_default()
    }
}

fn tables(text: &str) -> HashMap<String, HashMap<String, Chain>> {
    let mut tables: HashMap<String, HashMap<String, Chain>> = HashMap::new();
    let mut table = None;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let (begin, content) = (start, line.trim_end_matches('\n'));
        start += line.len();
        if let Some(name) = content.strip_prefix('*') {
            table = Some(tables.entry(name.to_owned()).or_default());
            continue;
        }
        let Some(chains) = &mut table else { continue };
        let rest = content.strip_prefix(':').or_else(|| content.strip_prefix("-A "));
        let Some(rest) = rest else { continue };
        let (name, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let end = begin + content.len();
        let part = end - after.len()..end;
        match chains.get_mut(name) {
            Some(chain) => chain.specs.push(part),
            None if content.starts_with(':') => {
                chains.insert(name.to_owned(), Chain { policy: part, specs: Vec::new() });
            }
            None => {}
        }
    }
    tables
}
