//! Adding and deleting chains and rules.

use crate::error::errno;
use crate::nftables::chain::Rule;
use crate::nftables::chain::{BaseChain, Chain, ChainType, Hook};
use crate::nftables::fake::contents::{Contents, HeldChain, HeldRule};
use crate::nftables::fake::refusal::Refused;

/// The priority of conntrack. Chains of type nat must come after it.
const CONNTRACK: i32 = -200;

impl Contents {
    pub(super) fn add_chain(&mut self, chain: &Chain) -> Result<bool, Refused> {
        if let Some(held) = self.chains.get_mut(&chain.name) {
            redefine(held, chain)?;
            return Ok(true);
        }
        chain.base.as_ref().map_or(Ok(()), fits)?;
        let held = HeldChain { handle: self.next_handle(), chain: chain.clone(), rules: vec![] };
        self.chains.insert(chain.name.clone(), held);
        Ok(true)
    }

    pub(super) fn delete_chain(&mut self, name: &str) -> Result<bool, Refused> {
        self.held_chain(name)?;
        // Its own rules count too if they jump to it.
        if self.jumps_to(name) > 0 {
            return Err(Refused::busy());
        }
        Ok(self.chains.remove(name).is_some())
    }

    pub(super) fn flush_chain(&mut self, name: &str) -> Result<bool, Refused> {
        let rules = &mut self.held_chain(name)?.rules;
        Ok(rules.drain(..).count() > 0)
    }

    /// Adds a rule before the one at this index, or at the end.
    pub(super) fn add_rule(&mut self, rule: &Rule, index: usize) -> Result<bool, Refused> {
        self.held_chain(&rule.chain)?;
        self.check_rule(rule)?;
        let (handle, expressions) = (self.next_handle(), rule.expressions(self.family));
        let rules = &mut self.held_chain(&rule.chain)?.rules;
        let held = HeldRule { handle, rule: rule.clone(), expressions };
        rules.insert(index.min(rules.len()), held);
        Ok(true)
    }

    pub(super) fn delete_rule(&mut self, chain: &str, handle: u64) -> Result<bool, Refused> {
        let rules = &mut self.held_chain(chain)?.rules;
        let index = rules.iter().position(|rule| rule.handle == handle);
        let index =
            index.ok_or_else(|| Refused::absent("rule with handle", &handle.to_string()))?;
        rules.remove(index);
        Ok(true)
    }

    fn held_chain(&mut self, name: &str) -> Result<&mut HeldChain, Refused> {
        self.chains.get_mut(name).ok_or_else(|| Refused::absent("chain", name))
    }
}

/// Adds an existing chain again, which can only change its policy.
fn redefine(held: &mut HeldChain, chain: &Chain) -> Result<(), Refused> {
    let place = |base: &BaseChain| (base.hook, base.priority);
    match (&mut held.chain.base, &chain.base) {
        (_, None) => Ok(()),
        (Some(old), Some(new)) if place(old) == place(new) && old.kind == new.kind => {
            old.policy = new.policy;
            Ok(())
        }
        (Some(old), Some(new)) if place(old) == place(new) => Err(Refused::different()),
        _ => Err(Refused::new(
            errno::EOPNOTSUPP,
            "it exists without a hook, or with another hook or priority",
        )),
    }
}

fn fits(base: &BaseChain) -> Result<(), Refused> {
    if base.kind == ChainType::Nat && (base.hook == Hook::Forward || base.priority <= CONNTRACK) {
        let advice =
            "chains of type nat require a hook other than forward and a priority above -200";
        return Err(Refused::new(errno::EOPNOTSUPP, advice));
    }
    Ok(())
}
