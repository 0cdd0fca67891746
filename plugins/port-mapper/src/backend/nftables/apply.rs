//! Observes, decides and commits, and starts again if the ruleset has changed in the meantime.

use cni_netlink::nftables::{Operation, Ruleset, Transaction};

use super::observed::Observed;
use super::scope::Scope;
use crate::error::Error;

/// How often to decide if other programs change any rules of the host before the commit.
const ATTEMPTS: usize = 64;

/// What a commit did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Applied {
    /// Nothing had to change.
    Nothing,
    /// It only added.
    Added,
    /// It deleted something.
    Deleted,
}

/// Observes, decides and commits.
///
/// It starts again if the ruleset has changed in the meantime; and with everything in scope, if the
/// decision requires that, or if the kernel refused one that was made from a part.
pub(super) fn apply(
    kernel: &mut impl Ruleset,
    mut scope: Scope,
    mut decide: impl FnMut(&Observed) -> Result<Option<Transaction>, Error>,
) -> Result<Applied, Error> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let observed = Observed::read(kernel, &scope)?;
        let Some(transaction) = decide(&observed)? else {
            scope = Scope::All;
            continue;
        };
        if transaction.is_empty() {
            return Ok(Applied::Nothing);
        }
        match kernel.commit(&transaction, observed.generation) {
            Ok(()) if transaction.operations().iter().any(is_delete) => {
                return Ok(Applied::Deleted);
            }
            Ok(()) => return Ok(Applied::Added),
            Err(error) if error.is_stale() => last = Some(error),
            Err(_) if scope != Scope::All => scope = Scope::All,
            Err(error) => return Err(error.into()),
        }
    }
    last.map_or(Ok(Applied::Nothing), |error| Err(error.into()))
}

fn is_delete(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::DeleteTable
            | Operation::DeleteChain(_)
            | Operation::DeleteRule { .. }
            | Operation::DeleteSet(_)
            | Operation::DeleteElement(..)
    )
}
