//! Keeps of a listing, while it is read, what a decision needs.
//!
//! Rules of other owners are counted instead: a network's chain contains those of all its
//! containers. The ones that map a host port of the claim are kept, to report the conflict.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::scope::{ChainId, Scope};
use crate::backend::iptables::desired::MASQ;
use crate::backend::iptables::observed::{
    Listing, Omitted, OmittedRules, Tables, TaggedRule, parse_rule,
};
use crate::conflict::MappingIndex;
use crate::family::Family;
use crate::owner::RuleTag;

/// Reads listings of chains (`-S CHAIN`) in pieces, and writes the format of iptables-save.
pub(super) struct Filter {
    /// The tags of the claim's owner, whose rules are kept: ours and the original's.
    tags: [String; 2],
    /// The claimed ports, if conflicts matter.
    claimed: Option<MappingIndex>,
    requested: Vec<ChainId>,
    /// The number of requested chains that have been listed.
    listed: usize,
    /// Whether there was a line that no requested chain explains: the rest is ignored.
    ended: bool,
    text: String,
    partial_line: Vec<u8>,
    others: OtherOwners,
}

/// The owners of other claims. Their tags are stored as hashes, which are shorter.
#[derive(Default)]
struct OtherOwners {
    hasher: RandomState,
    chains: BTreeMap<String, OwnersInChain>,
    /// The owners that are reached through 127.0.0.1.
    localhost: HashSet<u64>,
}

#[derive(Default)]
struct OwnersInChain {
    /// The number of their rules that are left out of the text.
    omitted: usize,
    tags: HashSet<u64>,
}

impl Filter {
    pub(super) fn new(scope: &Scope<'_>, family: Family) -> Self {
        let owner = &scope.claim.owner;
        Self {
            tags: [owner.tag(), owner.original_tag()],
            claimed: scope.conflicts.then(|| MappingIndex::new(&scope.claim.mappings, family)),
            requested: Vec::new(),
            listed: 0,
            ended: false,
            text: String::new(),
            partial_line: Vec::new(),
            others: OtherOwners::default(),
        }
    }

    /// Begins to read the listing of these chains.
    pub(super) fn begin(&mut self, chains: &[ChainId]) {
        chains.clone_into(&mut self.requested);
        (self.listed, self.ended) = (0, false);
    }

    /// Reads a piece of the listing.
    pub(super) fn read(&mut self, bytes: &[u8]) {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        while !self.partial_line.is_empty()
            && let Some(end) = lines.next()
        {
            self.partial_line.extend_from_slice(end);
            if end.ends_with(b"\n") {
                let line = std::mem::take(&mut self.partial_line);
                self.read_line(&line);
            }
        }
        for line in lines {
            match line.ends_with(b"\n") {
                true => self.read_line(line),
                false => self.partial_line.extend_from_slice(line),
            }
        }
    }

    /// Ends the listing. Returns how many of the requested chains were listed. The one after these
    /// does not exist.
    pub(super) fn end(&mut self) -> usize {
        let last = std::mem::take(&mut self.partial_line);
        if !last.is_empty() {
            self.read_line(&last);
        }
        self.listed
    }

    /// Returns what was kept so far, and what was left out.
    pub(super) fn listing(&self, family: Family, tables: Tables) -> Listing {
        Listing { family, tables, text: self.text.clone(), omitted: self.others.omitted() }
    }

    /// Reports whether another owner has source NAT but no other rule in a listed chain.
    pub(super) fn has_strays(&self) -> bool {
        self.others.has_strays()
    }

    fn read_line(&mut self, bytes: &[u8]) {
        if self.ended {
            return;
        }
        let line = String::from_utf8_lossy(bytes);
        let line = line.trim_end_matches('\n');
        if !line.starts_with("-A ") {
            self.read_header(line);
        } else if self.keeps(line) {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// The listing of a chain begins with the chain itself, a built-in one with its policy.
    fn read_header(&mut self, line: &str) {
        let next = self.requested.get(self.listed);
        match next.and_then(|chain| Some((chain, parse_header(line, &chain.name)?))) {
            Some((ChainId { table, name }, policy)) => {
                self.text.push_str(&format!("*{table}\n:{name} {policy}\n"));
                self.listed += 1;
            }
            None => self.ended = true,
        }
    }

    /// Reports whether a rule is kept. Only the nat table contains tags.
    fn keeps(&mut self, line: &str) -> bool {
        let current = self.listed.checked_sub(1).and_then(|last| self.requested.get(last));
        let in_nat = current.is_some_and(|chain| chain.table == "nat");
        match parse_rule(line).filter(|_| in_nat).and_then(TaggedRule::parse) {
            Some(tagged) if !self.tags.iter().any(|tag| *tag == tagged.tag) => {
                let keep = self.is_conflict(&tagged);
                self.others.add(&tagged, keep);
                keep
            }
            _ => true,
        }
    }

    fn is_conflict(&self, tagged: &TaggedRule<'_>) -> bool {
        let mapped = tagged.host_ports().zip(self.claimed.as_ref());
        mapped.is_some_and(|((ports, _), claimed)| claimed.overlap(&ports).is_some())
    }
}

impl OtherOwners {
    fn add(&mut self, tagged: &TaggedRule<'_>, is_kept: bool) {
        let tag = self.hasher.hash_one(&*tagged.tag);
        if !self.chains.contains_key(tagged.rule.chain) {
            self.chains.insert(tagged.rule.chain.to_owned(), OwnersInChain::default());
        }
        if let Some(chain) = self.chains.get_mut(tagged.rule.chain) {
            chain.omitted += usize::from(!is_kept);
            chain.tags.insert(tag);
        }
        if tagged.serves_localhost() {
            self.localhost.insert(tag);
        }
    }

    fn omitted(&self) -> Omitted {
        let omitted = |chain: &OwnersInChain| OmittedRules {
            count: chain.omitted,
            serve_localhost: !chain.tags.is_disjoint(&self.localhost),
        };
        let chains = self.chains.iter().map(|(name, chain)| (name.clone(), omitted(chain)));
        Omitted { chains: chains.collect() }
    }

    fn has_strays(&self) -> bool {
        let is_elsewhere =
            |tag| self.chains.iter().any(|(name, chain)| name != MASQ && chain.tags.contains(tag));
        self.chains.get(MASQ).is_some_and(|masq| !masq.tags.iter().all(is_elsewhere))
    }
}

/// Parses `-P CHAIN POLICY` or `-N CHAIN`. Returns what iptables-save prints after the name.
fn parse_header(line: &str, chain: &str) -> Option<&'static str> {
    let mut words = line.split(' ');
    let policy = match words.next()? {
        "-P" => "ACCEPT [0:0]",
        "-N" => "- [0:0]",
        _ => return None,
    };
    (words.next()? == chain).then_some(policy)
}

#[cfg(test)]
#[path = "filter_tests.rs"]
mod tests;
