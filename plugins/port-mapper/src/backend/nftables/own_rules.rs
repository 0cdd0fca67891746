//! The rules that are ours, to be known again among those that stand.

use cni_netlink::nftables::{Expression, InstalledRule, Rule};

use super::layout;

/// Rules in the order in which they must stand, and whether each is needed.
pub(super) struct OwnRules<'a>(Vec<Own<'a>>);

struct Own<'a> {
    rule: &'a Rule,
    /// Compiled once, since it is compared with many.
    expressions: Vec<Expression>,
    is_needed: bool,
}

impl<'a> OwnRules<'a> {
    pub(super) fn new(rules: impl IntoIterator<Item = (bool, &'a Rule)>) -> Self {
        let family = layout::table().family;
        let own = |(is_needed, rule): (bool, &'a Rule)| Own {
            rule,
            expressions: rule.expressions(family),
            is_needed,
        };
        Self(rules.into_iter().map(own).collect())
    }

    /// The chains in which they stand, each once.
    pub(super) fn chains(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut chains: Vec<&'a str> = Vec::new();
        for own in &self.0 {
            if !chains.contains(&&*own.rule.chain) {
                chains.push(&own.rule.chain);
            }
        }
        chains.into_iter()
    }

    pub(super) fn rule(&self, place: usize) -> &'a Rule {
        self.0[place].rule
    }

    /// Which of them a rule that stands is.
    pub(super) fn place(&self, chain: &str, installed: &InstalledRule) -> Option<usize> {
        let is_it = |own: &Own<'_>| {
            own.rule.chain == chain
                && installed.comment.is_none()
                && own.expressions == installed.expressions
        };
        self.0.iter().position(is_it)
    }

    /// Those of a chain that are needed and do not stand.
    pub(super) fn missing(&self, chain: &str, standing: &[(usize, &InstalledRule)]) -> Vec<usize> {
        let stands = |place: &usize| standing.iter().any(|(its, _)| its == place);
        let of_chain = |place: &usize| {
            let own = &self.0[*place];
            own.is_needed && own.rule.chain == chain
        };
        (0..self.0.len()).filter(of_chain).filter(|place| !stands(place)).collect()
    }
}
