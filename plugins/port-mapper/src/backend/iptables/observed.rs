//! The observed rules of a family: the output of iptables-save, as far as the port mapper needs it.
//!
//! Parsing only cuts the text into lines. A rule is split into words when they are asked for, so
//! that ten thousand rules of other programs cost next to nothing. No input causes a panic, and a
//! rule that can't be understood is taken for a rule of another program.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::{AddrParseError, IpAddr};

use super::desired::{LOOPBACK_V4, MASQ};
use super::rule::{self, Rule};
use crate::conflict::HostPorts;
use crate::family::Family;
use crate::mappings::Protocol;
use crate::owner::{MARK, Owner};

/// The tables that are observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// The nat table. The guard in the raw table is left as it is.
    Nat,
    /// The nat table and the raw table.
    NatAndRaw,
    /// The raw table.
    Raw,
}

/// A listing in the format of iptables-save.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) family: Family,
    pub(super) tables: Tables,
    pub(super) text: String,
    pub(super) omitted: Omitted,
}

impl Listing {
    pub(super) fn observed(&self) -> Observed<'_> {
        let omitted = self.omitted.clone();
        Observed { omitted, ..Observed::parse(self.family, self.tables, &self.text) }
    }
}

/// The rules of other owners that exist in the nat table and that a listing leaves out.
///
/// None of them may be deleted: a decision to do so needs a complete listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Omitted {
    pub(super) chains: BTreeMap<String, OmittedRules>,
}

/// The rules of a chain that were left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct OmittedRules {
    pub(super) count: usize,
    /// Whether an owner of a rule in this chain is reached through 127.0.0.1.
    pub(super) serve_localhost: bool,
}

impl Omitted {
    /// Returns the rules that were left out of a chain.
    pub(super) fn of(&self, chain: &str) -> OmittedRules {
        self.chains.get(chain).copied().unwrap_or_default()
    }
}

/// The rules of a family, as they were when they were listed.
#[derive(Debug)]
pub struct Observed<'a> {
    /// The address family.
    pub family: Family,
    /// The tables that were listed.
    pub tables: Tables,
    /// The nat table.
    pub nat: ObservedTable<'a>,
    /// The raw table.
    pub raw: ObservedTable<'a>,
    /// Tables with contents that iptables can't show.
    pub incompatible: Vec<&'a str>,
    pub(super) omitted: Omitted,
}

/// The chains and rules of a table. A table that does not exist has none.
#[derive(Debug, Default)]
pub struct ObservedTable<'a> {
    /// Names of the chains that are not built in.
    pub user_chains: Vec<&'a str>,
    /// All rules. Those of one chain are in order.
    pub rules: Vec<ObservedRule<'a>>,
}

/// A rule of a listing.
#[derive(Clone, Copy, Debug)]
pub struct ObservedRule<'a> {
    /// Its chain.
    pub chain: &'a str,
    /// The rest of its line.
    pub spec: &'a str,
}

impl<'a> Observed<'a> {
    /// Parses a listing.
    pub fn parse(family: Family, tables: Tables, text: &'a str) -> Self {
        let [mut nat, mut raw, mut ignored] = [(); 3].map(|()| ObservedTable::default());
        let mut incompatible = Vec::new();
        let mut current = "";
        for line in text.lines() {
            let table = match current {
                "nat" => &mut nat,
                "raw" => &mut raw,
                _ => &mut ignored,
            };
            match line.as_bytes().first() {
                Some(b'-') => table.rules.extend(parse_rule(line)),
                Some(b':') => table.user_chains.extend(user_chain(line)),
                Some(b'*') => current = line[1..].trim_end(),
                Some(b'#') => incompatible.extend(incompatible_table(line)),
                // COMMIT: no other line begins with this letter.
                Some(b'C') => current = "",
                _ => {}
            }
            ignored.rules.clear();
            ignored.user_chains.clear();
        }
        Self { family, tables, nat, raw, incompatible, omitted: Omitted::default() }
    }

    /// Returns the tagged rules of the nat table, in the order of the listing.
    pub(super) fn tagged(&self) -> Vec<TaggedRule<'a>> {
        self.nat.rules.iter().filter_map(|rule| TaggedRule::parse(*rule)).collect()
    }
}

impl ObservedTable<'_> {
    /// Reports whether the table has a chain of this name that is not built in.
    pub fn has(&self, chain: &str) -> bool {
        self.user_chains.contains(&chain)
    }
}

impl<'a> ObservedRule<'a> {
    /// Splits the rule into words. Returns `None` if its quotes are not balanced.
    pub fn words(&self) -> Option<Vec<Cow<'a, str>>> {
        rule::split(self.spec)
    }

    /// Reports whether the rule jumps to the chain: such a rule ends with `-j CHAIN` or `-g CHAIN`.
    pub fn jumps_to(&self, chain: &str) -> bool {
        self.spec.strip_suffix(chain).is_some_and(|rest| {
            rest.strip_suffix("-j ")
                .or(rest.strip_suffix("-g "))
                .is_some_and(|rest| rest.is_empty() || rest.ends_with(' '))
        })
    }

    /// Copies the rule. One that can't be split equals none of ours, but it exists.
    pub(super) fn to_rule(self) -> Rule {
        let own = |word: &str| Cow::Owned(word.to_owned());
        let words = self.words().unwrap_or_default();
        Rule { chain: own(self.chain), words: words.iter().map(|word| own(word)).collect() }
    }
}

/// Parses `-A CHAIN SPEC`.
pub(super) fn parse_rule(line: &str) -> Option<ObservedRule<'_>> {
    let rest = line.strip_prefix("-A ")?;
    let (chain, spec) = rest.split_once(' ').unwrap_or((rest, ""));
    Some(ObservedRule { chain, spec: spec.trim_end() })
}

/// Parses `:CHAIN - [0:0]`. A built-in chain has a policy in place of the `-`.
fn user_chain(line: &str) -> Option<&str> {
    let (name, rest) = line[1..].split_once(' ')?;
    rest.starts_with('-').then_some(name)
}

/// Parses ``# Table `nat' is incompatible, use 'nft' tool.``
fn incompatible_table(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix("# Table `")?.split_once('\'')?;
    rest.contains("is incompatible").then_some(name)
}

/// A rule whose comment is an owner's tag.
///
/// There is one for every rule of every container on the host, so it allocates nothing for the
/// words of the rule.
#[derive(Debug)]
pub(super) struct TaggedRule<'a> {
    pub(super) rule: ObservedRule<'a>,
    /// The comment. Rules with the same one have the same owner.
    pub(super) tag: Cow<'a, str>,
    /// The text before and after the comment. The former contains no quotes.
    options: [&'a str; 2],
}

impl<'a> TaggedRule<'a> {
    pub(super) fn parse(rule: ObservedRule<'a>) -> Option<Self> {
        let (before, comment) = rule.spec.split_once("-m comment --comment ")?;
        let (tag, after) = rule::split_first(comment)?;
        let options = [before, after];
        (!before.contains('"') && tag.starts_with(MARK)).then_some(Self { rule, tag, options })
    }

    /// Returns the owner that the tag names.
    pub(super) fn owner(&self) -> Owner {
        Owner::parse(&self.tag)
            .unwrap_or_else(|| Owner::OriginalPlugin { container_id: self.tag.to_string() })
    }

    /// Returns the host ports that this rule maps, and their target. Returns `None` if it maps
    /// none, or if neither this port mapper nor the original writes such a rule.
    pub(super) fn host_ports(&self) -> Option<(HostPorts, &'a str)> {
        if self.value("-j")? != "DNAT" {
            return None;
        }
        let (first, last) = parse_ports(self.value("--dport")?)?;
        // The conditions of a claim may have a destination, too.
        let address = match self.value("--ctorigdst") {
            None => self.value("-d").map_or(Ok(None), single_address).ok()?,
            Some(address) => Some(address.parse().ok()?),
        };
        let protocol = Protocol::parse(self.value("-p")?)?;
        Some((HostPorts { protocol, address, first, last }, self.value("--to-destination")?))
    }

    /// Returns the word after an option that is not negated.
    fn value(&self, option: &str) -> Option<&'a str> {
        let mut words = self.options.iter().flat_map(|part| plain_words(part));
        let mut before = "";
        loop {
            match words.next()? {
                word if word == option && before != "!" => return words.next(),
                word => before = word,
            }
        }
    }

    /// Reports whether the rule shows that its owner is reached through 127.0.0.1.
    pub(super) fn serves_localhost(&self) -> bool {
        self.rule.chain == MASQ && self.value("-s") == Some(LOOPBACK_V4)
    }
}

/// Returns the words of a rule, and a pair of quotes for each quoted one: those are values of
/// matches that no rule of ours has of itself, and may contain anything.
fn plain_words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim_ascii_start();
    std::iter::from_fn(move || {
        if rest.starts_with('"') {
            rest = rule::split_first(rest)?.1;
            return Some("\"\"");
        }
        let end = rest.find([' ', '\t']).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after.trim_ascii_start();
        (!word.is_empty()).then_some(word)
    })
}

/// Returns the address that a rule matches, or `None` if it is a subnet: that is of conditions.
fn single_address(subnet: &str) -> Result<Option<IpAddr>, AddrParseError> {
    let (address, prefix) = subnet.split_once('/').unwrap_or((subnet, ""));
    let address: IpAddr = address.parse()?;
    let bits = Family::of(&address).bits().to_string();
    Ok((prefix.is_empty() || prefix == bits).then_some(address))
}

fn parse_ports(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[cfg(test)]
#[path = "observed_tests.rs"]
mod tests;
