//! Validates the paths of packets: no loops, and address translation only where it is allowed.

use crate::error::errno;
use crate::nftables::chain::{BaseChain, ChainType, Hook};
use crate::nftables::expression::Expression;
use crate::nftables::fake::contents::{Contents, StoredRule, target};
use crate::nftables::fake::refusal::ExplainedRefusal;
use crate::nftables::statement::SetRef;

/// The maximum depth of jumps, including the base chain.
const MAX_DEPTH: usize = 16;
/// The number of destination translation.
const DESTINATION: u32 = 1;

impl Contents {
    /// Follows all paths from base chains. Unreachable chains are not checked.
    pub(super) fn check_paths(&self) -> Result<(), ExplainedRefusal> {
        self.chains_in_order().into_iter().try_for_each(|stored| match &stored.chain.base {
            Some(base) => self.check_rules(&stored.rules, base, 0),
            None => Ok(()),
        })
    }

    fn check_rules(
        &self,
        rules: &[StoredRule],
        base: &BaseChain,
        depth: usize,
    ) -> Result<(), ExplainedRefusal> {
        let mut expressions = rules.iter().flat_map(|rule| &rule.expressions);
        expressions.try_for_each(|expression| match expression {
            Expression::Verdict(verdict) => self.enter(target(verdict), base, depth),
            Expression::Lookup { set: SetRef::Named(set), .. } => {
                let mut targets =
                    self.sets.get(set).into_iter().flat_map(|stored| stored.targets());
                targets.try_for_each(|target| self.enter(Some(target), base, depth))
            }
            Expression::Nat { kind: DESTINATION, .. } => {
                translates(base, &[Hook::Prerouting, Hook::Output])
            }
            Expression::Masquerade => translates(base, &[Hook::Postrouting]),
            _ => Ok(()),
        })
    }

    fn enter(
        &self,
        chain: Option<&str>,
        base: &BaseChain,
        depth: usize,
    ) -> Result<(), ExplainedRefusal> {
        let Some(stored) = chain.and_then(|name| self.chains.get(name)) else { return Ok(()) };
        if depth + 1 == MAX_DEPTH {
            let advice = "jumps between chains form a loop or are more than 16 levels deep";
            return Err(ExplainedRefusal::new(errno::EMLINK, advice));
        }
        self.check_rules(&stored.rules, base, depth + 1)
    }
}

fn translates(base: &BaseChain, hooks: &[Hook]) -> Result<(), ExplainedRefusal> {
    if base.kind == ChainType::Nat && hooks.contains(&base.hook) {
        return Ok(());
    }
    let hooks: Vec<String> = hooks.iter().map(Hook::to_string).collect();
    let advice = format!("is allowed only in chains of type nat at {}", hooks.join(" and "));
    Err(ExplainedRefusal::new(errno::EOPNOTSUPP, advice))
}
