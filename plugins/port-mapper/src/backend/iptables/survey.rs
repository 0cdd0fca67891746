//! What of a listing belongs to somebody: rules with a tag, and what they hold.

use std::borrow::Cow;

use super::rules::{self, MASQ};
use super::save::{Listing, Rule};
use crate::conflict::Taken;
use crate::mappings::Protocol;
use crate::owner::{Holder, MARK};

/// A rule that somebody's tag is on.
#[derive(Debug)]
pub(super) struct Tagged<'a> {
    pub(super) rule: Rule<'a>,
    pub(super) words: Vec<Cow<'a, str>>,
    pub(super) holder: Holder,
}

/// All tagged rules of the nat table, in the listing's order.
pub(super) fn tagged<'a>(listing: &Listing<'a>) -> Vec<Tagged<'a>> {
    let marked = listing.nat.rules.iter().filter(|rule| rule.spec.contains(MARK));
    marked
        .filter_map(|rule| {
            let words = rule.words()?;
            let holder = Holder::parse(after(&words, "--comment")?)?;
            Some(Tagged { rule: *rule, words, holder })
        })
        .collect()
}

fn after<'w>(words: &'w [Cow<'_, str>], option: &str) -> Option<&'w str> {
    let at = words.iter().position(|word| word == option)?;
    words.get(at + 1).map(Cow::as_ref)
}

impl Tagged<'_> {
    /// The host ports that this rule takes, and where they lead; `None` when it takes none, or does so in a way that neither we nor the
    /// original write.
    pub(super) fn taken(&self) -> Option<(Taken, &str)> {
        let word = |option| after(&self.words, option);
        if word("-j")? != "DNAT" {
            return None;
        }
        let (first, last) = ports(word("--dport")?)?;
        let address = match word("-d") {
            None => None,
            Some(subnet) => Some(subnet.split('/').next()?.parse().ok()?),
        };
        let protocol = Protocol::parse(word("-p")?)?;
        Some((Taken { protocol, address, first, last }, word("--to-destination")?))
    }

    /// Whether it tells that its holder is reached by 127.0.0.1.
    pub(super) fn is_for_localhost(&self) -> bool {
        self.rule.chain == MASQ && rules::is_for_localhost(&self.words)
    }
}

fn ports(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once(':').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}
