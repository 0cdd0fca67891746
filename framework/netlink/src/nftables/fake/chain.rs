//! Adds and deletes chains and rules.

use crate::error::errno;
use crate::nftables::chain::Rule;
use crate::nftables::chain::{BaseChain, Chain, ChainType, Hook};
use crate::nftables::fake::contents::{Contents, StoredChain, StoredRule};
use crate::nftables::fake::refusal::ExplainedRefusal;

/// The priority of conntrack. Chains of type nat must come after it.
const CONNTRACK: i32 = -200;

impl Contents {
    pub(super) fn add_chain(&mut self, chain: &Chain) -> Result<bool, ExplainedRefusal> {
        if let Some(stored) = self.chains.get_mut(&chain.name) {
            redefine(stored, chain)?;
            return Ok(true);
        }
        chain.base.as_ref().map_or(Ok(()), fits)?;
        let stored =
            StoredChain { handle: self.next_handle(), chain: chain.clone(), rules: vec![] };
        self.chains.insert(chain.name.clone(), stored);
        Ok(true)
    }

    pub(super) fn delete_chain(&mut self, name: &str) -> Result<bool, ExplainedRefusal> {
        self.stored_chain(name)?;
        // Its own rules count too if they jump to it.
        if self.jumps_to(name) > 0 {
            return Err(ExplainedRefusal::busy());
        }
        Ok(self.chains.remove(name).is_some())
    }

    pub(super) fn flush_chain(&mut self, name: &str) -> Result<bool, ExplainedRefusal> {
        let rules = &mut self.stored_chain(name)?.rules;
        Ok(rules.drain(..).count() > 0)
    }

    /// Adds a rule before the one at this index, or at the end.
    pub(super) fn add_rule(&mut self, rule: &Rule, index: usize) -> Result<bool, ExplainedRefusal> {
        self.stored_chain(&rule.chain)?;
        self.check_rule(rule)?;
        let (handle, expressions) = (self.next_handle(), rule.expressions(self.family));
        let rules = &mut self.stored_chain(&rule.chain)?.rules;
        let stored = StoredRule { handle, rule: rule.clone(), expressions };
        rules.insert(index.min(rules.len()), stored);
        Ok(true)
    }

    pub(super) fn delete_rule(
        &mut self,
        chain: &str,
        handle: u64,
    ) -> Result<bool, ExplainedRefusal> {
        let rules = &mut self.stored_chain(chain)?.rules;
        let index = rules.iter().position(|rule| rule.handle == handle);
        let index = index
            .ok_or_else(|| ExplainedRefusal::absent("rule with handle", &handle.to_string()))?;
        rules.remove(index);
        Ok(true)
    }

    fn stored_chain(&mut self, name: &str) -> Result<&mut StoredChain, ExplainedRefusal> {
        self.chains.get_mut(name).ok_or_else(|| ExplainedRefusal::absent("chain", name))
    }
}

/// Adds an existing chain again, which can only change its policy.
fn redefine(stored: &mut StoredChain, chain: &Chain) -> Result<(), ExplainedRefusal> {
    let place = |base: &BaseChain| (base.hook, base.priority);
    match (&mut stored.chain.base, &chain.base) {
        (_, None) => Ok(()),
        (Some(old), Some(new)) if place(old) == place(new) && old.kind == new.kind => {
            old.policy = new.policy;
            Ok(())
        }
        (Some(old), Some(new)) if place(old) == place(new) => Err(ExplainedRefusal::different()),
        _ => Err(ExplainedRefusal::new(
            errno::EOPNOTSUPP,
            "it exists without a hook, or with another hook or priority",
        )),
    }
}

fn fits(base: &BaseChain) -> Result<(), ExplainedRefusal> {
    if base.kind == ChainType::Nat && (base.hook == Hook::Forward || base.priority <= CONNTRACK) {
        let advice =
            "chains of type nat require a hook other than forward and a priority above -200";
        return Err(ExplainedRefusal::new(errno::EOPNOTSUPP, advice));
    }
    Ok(())
}
