//! Of a listing, as it comes, what a decision needs. The rules of others are counted, not kept: a network has as many as
//! all its containers together. Those that take a port of the claim's are kept, so that a conflict can be told.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use super::rules::MASQ;
use super::save::{Listing, rule};
use super::survey::Tagged;
use super::view::{Place, View};
use crate::conflict::Index;
use crate::family::Family;
use crate::owner::RuleTag;

/// What is left of a listing, in the form of iptables-save, and what is known of the rest.
#[derive(Debug, Default)]
pub(super) struct Sifted {
    /// Chains, rules without a tag, the rules of the owner, and those in the way.
    pub(super) text: String,
    /// All other rules.
    pub(super) others: Others,
}

/// The rules of others that were passed over: none of them is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Others {
    /// By chain: how many, and whether one of their owners is reached by 127.0.0.1.
    pub(super) chains: BTreeMap<String, (usize, bool)>,
    /// Whether somebody's source NAT is there but not what it belongs to: in a chain that has lost its jumps.
    pub(super) strays: bool,
}

impl Others {
    /// Whether there are any.
    pub(super) fn any(&self) -> bool {
        self.chains.values().any(|(count, _)| *count > 0)
    }

    /// How many rules they have in a chain.
    pub(super) fn in_chain(&self, chain: &str) -> usize {
        self.chains.get(chain).map_or(0, |(count, _)| *count)
    }

    /// Whether an owner of a rule in the chain is reached by 127.0.0.1.
    pub(super) fn need_localhost_in(&self, chain: &str) -> bool {
        self.chains.get(chain).is_some_and(|(_, localhost)| *localhost)
    }

    /// Whether anybody is reached by 127.0.0.1.
    pub(super) fn need_guard(&self) -> bool {
        self.need_localhost_in(MASQ)
    }
}

/// Takes a listing of chains (`-S`) in pieces.
pub(super) struct Sieve {
    /// Whose rules are kept: those of the claim's owner, also where the original made them.
    tags: [String; 2],
    /// The ports that matter, if others do.
    wanted: Option<Index>,
    /// What was asked for, and how much of it has been listed.
    asked: Vec<Place>,
    listed: usize,
    /// Something that was not asked for ends the reading.
    ended: bool,
    text: String,
    /// The beginning of a line.
    rest: Vec<u8>,
    hashes: Hashes,
}

/// Whose rules there are of others: tags by their hashes, which are shorter.
#[derive(Default)]
struct Hashes {
    hasher: RandomState,
    /// By chain: the number of rules that were passed over, and whose there are at all.
    chains: BTreeMap<String, (usize, HashSet<u64>)>,
    /// Those that are reached by 127.0.0.1.
    localhost: HashSet<u64>,
}

impl Sieve {
    pub(super) fn new(view: &View<'_>, family: Family) -> Self {
        let owner = &view.claim.owner;
        Self {
            tags: [owner.tag(), owner.original_tag()],
            wanted: view.conflicts.then(|| Index::new(&view.claim.mappings, family)),
            asked: Vec::new(),
            listed: 0,
            ended: false,
            text: String::new(),
            rest: Vec::new(),
            hashes: Hashes::default(),
        }
    }

    /// What comes next is the answer to this.
    pub(super) fn ask(&mut self, places: &[Place]) {
        places.clone_into(&mut self.asked);
        (self.listed, self.ended) = (0, false);
    }

    /// A piece of the answer.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let mut lines = bytes.split_inclusive(|byte| *byte == b'\n');
        while !self.rest.is_empty()
            && let Some(end) = lines.next()
        {
            self.rest.extend_from_slice(end);
            if end.ends_with(b"\n") {
                let whole = std::mem::take(&mut self.rest);
                self.line(&whole);
            }
        }
        for line in lines {
            match line.ends_with(b"\n") {
                true => self.line(line),
                false => self.rest.extend_from_slice(line),
            }
        }
    }

    /// The answer is at its end: how many of the chains that were asked for were listed; the next one does not exist.
    pub(super) fn end(&mut self) -> usize {
        let last = std::mem::take(&mut self.rest);
        if !last.is_empty() {
            self.line(&last);
        }
        self.listed
    }

    /// What has been seen so far.
    pub(super) fn sifted(&self) -> Sifted {
        Sifted { text: self.text.clone(), others: self.hashes.others() }
    }

    fn line(&mut self, bytes: &[u8]) {
        if self.ended {
            return;
        }
        let line = String::from_utf8_lossy(bytes);
        let line = line.trim_end_matches('\n');
        if !line.starts_with("-A ") {
            self.header(line);
        } else if self.keeps(line) {
            self.text.push_str(line);
            self.text.push('\n');
        }
    }

    /// A listing begins with the chain itself, a built-in one with its policy.
    fn header(&mut self, line: &str) {
        let place = self.asked.get(self.listed);
        match place.and_then(|(table, chain)| Some((table, chain, kind(line, chain)?))) {
            Some((table, chain, kind)) => {
                self.text.push_str(&format!("*{table}\n:{chain} {kind}\n"));
                self.listed += 1;
            }
            None => self.ended = true,
        }
    }

    /// Tags are in the nat table only.
    fn keeps(&mut self, line: &str) -> bool {
        let current = self.listed.checked_sub(1).and_then(|last| self.asked.get(last));
        let in_nat = current.is_some_and(|(table, _)| *table == "nat");
        match rule(line).filter(|_| in_nat).and_then(Tagged::read) {
            Some(tagged) if !self.tags.iter().any(|tag| *tag == tagged.tag) => {
                let keep = self.is_in_the_way(&tagged);
                self.hashes.note(&tagged, usize::from(!keep));
                keep
            }
            _ => true,
        }
    }

    fn is_in_the_way(&self, tagged: &Tagged<'_>) -> bool {
        let taken = tagged.taken().zip(self.wanted.as_ref());
        taken.is_some_and(|((taken, _), wanted)| wanted.overlap(&taken).is_some())
    }
}

impl Hashes {
    fn note(&mut self, tagged: &Tagged<'_>, passed_over: usize) {
        let whose = self.hasher.hash_one(&*tagged.tag);
        if !self.chains.contains_key(tagged.rule.chain) {
            self.chains.insert(tagged.rule.chain.to_owned(), Default::default());
        }
        if let Some((count, tags)) = self.chains.get_mut(tagged.rule.chain) {
            *count += passed_over;
            tags.insert(whose);
        }
        if tagged.is_for_localhost() {
            self.localhost.insert(whose);
        }
    }

    fn others(&self) -> Others {
        let chains = self.chains.iter().map(|(chain, (count, tags))| {
            (chain.clone(), (*count, !tags.is_disjoint(&self.localhost)))
        });
        let elsewhere =
            |tag| self.chains.iter().any(|(chain, (_, tags))| chain != MASQ && tags.contains(tag));
        let masquerades = self.chains.get(MASQ).map(|(_, tags)| tags);
        let strays = masquerades.is_some_and(|tags| !tags.iter().all(elsewhere));
        Others { chains: chains.collect(), strays }
    }
}

impl Sifted {
    /// All rules, with none passed over.
    pub(super) fn all(text: String) -> Self {
        Self { text, others: Others::default() }
    }

    /// To decide upon.
    pub(super) fn listing(&self) -> Listing<'_> {
        Listing { others: self.others.clone(), ..Listing::parse(&self.text) }
    }
}

/// `-P CHAIN POLICY` or `-N CHAIN`: what iptables-save prints behind the name.
fn kind(line: &str, chain: &str) -> Option<&'static str> {
    let mut words = line.split(' ');
    let kind = match words.next()? {
        "-P" => "ACCEPT [0:0]",
        "-N" => "- [0:0]",
        _ => return None,
    };
    (words.next()? == chain).then_some(kind)
}

#[cfg(test)]
#[path = "sieve_tests.rs"]
mod tests;
