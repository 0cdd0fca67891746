//! What of a listing belongs to somebody: rules with a tag, and what they hold.
//!
//! It is done for every rule of every container on the host, so it takes no memory of its own for the words of a rule.

use std::borrow::Cow;

use super::rules::{self, MASQ};
use super::save::{Listing, Rule};
use super::words;
use crate::conflict::HostPorts;
use crate::mappings::Protocol;
use crate::owner::{MARK, Owner};

/// A rule that somebody's tag is on.
#[derive(Debug)]
pub(super) struct Tagged<'a> {
    pub(super) rule: Rule<'a>,
    /// The comment. One text is one holder.
    pub(super) tag: Cow<'a, str>,
    /// What stands before and behind the comment; no quotes are in either.
    options: [&'a str; 2],
}

/// All tagged rules of the nat table, in the listing's order.
pub(super) fn tagged<'a>(listing: &Listing<'a>) -> Vec<Tagged<'a>> {
    listing.nat.rules.iter().filter_map(|rule| Tagged::read(*rule)).collect()
}

impl<'a> Tagged<'a> {
    pub(super) fn read(rule: Rule<'a>) -> Option<Self> {
        let (before, comment) = rule.spec.split_once("-m comment --comment ")?;
        let (tag, behind) = words::first(comment)?;
        let plain = !before.contains('"') && !behind.contains('"');
        let options = [before, behind];
        (plain && tag.starts_with(MARK)).then_some(Self { rule, tag, options })
    }

    /// Whose it is.
    pub(super) fn holder(&self) -> Owner {
        Owner::parse(&self.tag)
            .unwrap_or_else(|| Owner::Original { container_id: self.tag.to_string() })
    }

    /// The host ports that this rule takes, and where they lead; `None` when it takes none, or does so in a way that
    /// neither we nor the original write.
    pub(super) fn taken(&self) -> Option<(HostPorts, &'a str)> {
        if self.value("-j")? != "DNAT" {
            return None;
        }
        let (first, last) = ports(self.value("--dport")?)?;
        let address = match self.value("-d") {
            None => None,
            Some(subnet) => Some(subnet.split('/').next()?.parse().ok()?),
        };
        let protocol = Protocol::parse(self.value("-p")?)?;
        Some((HostPorts { protocol, address, first, last }, self.value("--to-destination")?))
    }

    fn value(&self, option: &str) -> Option<&'a str> {
        let mut words = self.options.iter().flat_map(|part| part.split_ascii_whitespace());
        words.find(|word| *word == option)?;
        words.next()
    }

    /// Whether it tells that its holder is reached by 127.0.0.1.
    pub(super) fn is_for_localhost(&self) -> bool {
        self.rule.chain == MASQ && self.value("-s") == Some(rules::LOOPBACK_V4)
    }
}

fn ports(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}
