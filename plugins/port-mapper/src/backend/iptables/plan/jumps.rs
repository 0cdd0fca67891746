//! The jumps to a chain.

use super::change::TableChange;
use crate::backend::interface::Jump;
use crate::backend::iptables::desired::{self, MASQ};
use crate::backend::iptables::rule::Rule;
use crate::family::Family;

/// The jumps that a chain of ours needs.
pub(super) struct Jumps {
    /// Those that it always has.
    always: Vec<Rule>,
    /// The one that it has if an owner is reached through 127.0.0.1.
    localhost: Option<Rule>,
    /// Whether they must be the first rules of their chains.
    first: bool,
}

impl Jumps {
    pub(super) fn to(chain: &str, family: Family) -> Self {
        if chain == MASQ {
            return Self { always: vec![desired::masquerade_jump()], localhost: None, first: true };
        }
        let localhost = (family == Family::V4).then(|| desired::localhost_jump(chain));
        Self { always: desired::network_jumps(chain, family), localhost, first: false }
    }

    pub(super) fn contains(&self, jump: &Rule) -> bool {
        self.always.contains(jump) || self.is_for_localhost(jump)
    }

    fn is_for_localhost(&self, jump: &Rule) -> bool {
        self.localhost.as_ref() == Some(jump)
    }

    /// Returns the kinds of those that are among the existing jumps.
    pub(super) fn kinds(&self, existing: &[Rule]) -> Vec<Jump> {
        [Jump::Prerouting, Jump::Output, Jump::Localhost]
            .into_iter()
            .filter(|kind| existing.iter().any(|jump| self.kind(jump) == Some(*kind)))
            .collect()
    }

    fn kind(&self, jump: &Rule) -> Option<Jump> {
        match &*jump.chain {
            _ if self.is_for_localhost(jump) => Some(Jump::Localhost),
            _ if !self.always.contains(jump) => None,
            "PREROUTING" => Some(Jump::Prerouting),
            _ => Some(Jump::Output),
        }
    }

    /// Adds missing jumps.
    pub(super) fn add(&self, existing: &[Rule], for_localhost: bool, nat: &mut TableChange) {
        for jump in self.always.iter().filter(|jump| !existing.contains(jump)) {
            if self.first { &mut nat.insert } else { &mut nat.append }.push(jump.clone());
        }
        let localhost = self.localhost.iter().filter(|_| for_localhost);
        nat.append.extend(localhost.filter(|jump| !existing.contains(jump)).cloned());
    }

    /// Deletes surplus copies: what the original leaves if containers start at the same time.
    pub(super) fn delete_copies(&self, existing: &[Rule], nat: &mut TableChange) {
        for jump in &self.always {
            delete_beyond(1, jump, existing, nat);
        }
    }

    /// Deletes the jump for 127.0.0.1, or only its surplus copies if it is needed.
    pub(super) fn delete_localhost(
        &self,
        existing: &[Rule],
        is_needed: bool,
        nat: &mut TableChange,
    ) {
        if let Some(jump) = &self.localhost {
            delete_beyond(usize::from(is_needed), jump, existing, nat);
        }
    }

    /// Deletes those that did not exist before.
    pub(super) fn delete_except(&self, before: &[Jump], existing: &[Rule], nat: &mut TableChange) {
        let is_new = |jump: &&Rule| self.kind(jump).is_some_and(|kind| !before.contains(&kind));
        nat.delete.extend(existing.iter().filter(is_new).cloned());
    }
}

/// Deletes the copies of a rule beyond the first `desired` ones.
pub(super) fn delete_beyond(
    desired: usize,
    rule: &Rule,
    existing: &[Rule],
    change: &mut TableChange,
) {
    let copies = existing.iter().filter(|other| *other == rule).skip(desired);
    change.delete.extend(copies.cloned());
}
