//! Recognises our rules among those of the table.

use cni_netlink::nftables::{Expression, InstalledRule, Rule};

use super::layout;

/// Rules in their desired order, and whether each is needed.
pub(super) struct OwnRules<'a>(Vec<OwnRule<'a>>);

struct OwnRule<'a> {
    rule: &'a Rule,
    /// Compiled once, since it is compared with many.
    expressions: Vec<Expression>,
    is_needed: bool,
}

impl<'a> OwnRules<'a> {
    pub(super) fn new(rules: impl IntoIterator<Item = (bool, &'a Rule)>) -> Self {
        let family = layout::table().family;
        let own = |(is_needed, rule): (bool, &'a Rule)| OwnRule {
            rule,
            expressions: rule.expressions(family),
            is_needed,
        };
        Self(rules.into_iter().map(own).collect())
    }

    /// Returns the chains that contain them, each once.
    pub(super) fn chains(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut chains: Vec<&'a str> = Vec::new();
        for own in &self.0 {
            if !chains.contains(&&*own.rule.chain) {
                chains.push(&own.rule.chain);
            }
        }
        chains.into_iter()
    }

    pub(super) fn rule(&self, index: usize) -> &'a Rule {
        self.0[index].rule
    }

    /// Returns the index of the rule that an installed one equals.
    pub(super) fn index_of(&self, chain: &str, installed: &InstalledRule) -> Option<usize> {
        let is_same = |own: &OwnRule<'_>| {
            own.rule.chain == chain
                && installed.comment.is_none()
                && own.expressions == installed.expressions
        };
        self.0.iter().position(is_same)
    }

    /// Returns the needed rules of a chain that are not installed.
    pub(super) fn missing(&self, chain: &str, installed: &[(usize, &InstalledRule)]) -> Vec<usize> {
        let is_installed = |index: &usize| installed.iter().any(|(its, _)| its == index);
        let is_needed = |index: &usize| {
            let own = &self.0[*index];
            own.is_needed && own.rule.chain == chain
        };
        (0..self.0.len()).filter(is_needed).filter(|index| !is_installed(index)).collect()
    }
}
