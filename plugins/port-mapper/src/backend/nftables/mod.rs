//! Rules in the kernel's nf_tables, over netlink and without a program: what a packet, an ADD or a DEL costs does not
//! depend on how many others are mapped.
//!
//! `layout` is what stands whoever is mapped, `branches` what each network has of its own, `entries` what a claim
//! puts into the maps; `picture` is what is there, `plan` decides what changes. Everything is committed at the generation
//! at which it was looked at: nobody can have changed anything in between.

mod branches;
mod edit;
mod entries;
mod layout;
mod own_rules;
mod picture;
mod places;
mod plan;
mod probe;
mod ranges;
mod wish;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;

use cni_netlink::nftables::{Kernel, Operation, Ruleset, Transaction};

use super::{Backend, Besides, Fitness, Hints, Holding, Installed};
use crate::claim::Claim;
use crate::error::Error;
use crate::family::Family;
use crate::owner::{Owner, RuleTag};
use cni_wrapper::Attachment;
use picture::{Picture, chain_of};
use places::Role;
use plan::{Decision, Wanted};
use wish::Wish;

pub(super) use layout::table;

/// How often to look and decide anew because somebody else changed any rules of the host meanwhile.
const ATTEMPTS: usize = 64;

/// The kernel's nf_tables.
pub struct Nftables {
    kernel: RefCell<Option<Kernel>>,
    /// Whether something was deleted: then closing the socket takes a while.
    deleted: Cell<bool>,
}

impl Nftables {
    /// Opens a socket, and asks whether the kernel has nf_tables at all.
    ///
    /// # Errors
    ///
    /// [`Error::Unfit`].
    pub fn open() -> Result<Self, Error> {
        let mut kernel = Kernel::open().map_err(probe::unfit)?;
        kernel.generation().map_err(probe::unfit)?;
        Ok(Self { kernel: RefCell::new(Some(kernel)), deleted: Cell::new(false) })
    }

    /// Acts on the kernel's ruleset.
    pub(super) fn with<T>(
        &self,
        act: impl FnOnce(&mut Kernel) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.kernel.borrow_mut().as_mut() {
            Some(kernel) => act(kernel),
            // Only `drop` takes it away.
            None => unreachable!("the socket is open until the backend is dropped"),
        }
    }

    fn settle(
        &self,
        wish: Wish,
        decide: impl FnMut(&Picture) -> Result<Option<Transaction>, Error>,
    ) -> Result<bool, Error> {
        let done = self.with(|kernel| settle(kernel, wish, decide))?;
        self.deleted.set(self.deleted.get() || done == Done::Deleted);
        Ok(done != Done::Nothing)
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Done {
    /// All was right already.
    Nothing,
    /// Something was added only.
    Added,
    /// Something was deleted.
    Deleted,
}

/// Looks, decides, commits; and does so anew when anybody changed anything meanwhile, or when the kernel refused what
/// was decided by a part of the picture.
fn settle(
    kernel: &mut impl Ruleset,
    mut wish: Wish,
    mut decide: impl FnMut(&Picture) -> Result<Option<Transaction>, Error>,
) -> Result<Done, Error> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        let picture = Picture::take(kernel, &wish)?;
        let Some(transaction) = decide(&picture)? else {
            wish = Wish::All;
            continue;
        };
        if transaction.is_empty() {
            return Ok(Done::Nothing);
        }
        match kernel.commit(&transaction, picture.generation) {
            Ok(()) if transaction.operations().iter().any(is_delete) => return Ok(Done::Deleted),
            Ok(()) => return Ok(Done::Added),
            Err(error) if error.is_stale() => last = Some(error),
            Err(_) if wish != Wish::All => wish = Wish::All,
            Err(error) => return Err(error.into()),
        }
    }
    last.map_or(Ok(Done::Nothing), |error| Err(error.into()))
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

impl Backend for Nftables {
    async fn install(
        &self,
        claim: &Claim,
        besides: Besides,
        is_stale: &dyn Fn(&Owner) -> bool,
    ) -> Result<Installed, Error> {
        let wanted = Wanted::by(claim);
        let wish = match besides {
            Besides::Anything => Wish::All,
            Besides::Nothing => Wish::to_install(&wanted.branch.chain, &wanted.entries),
        };
        let mut installed = Installed::default();
        installed.changed = self.settle(wish, |picture| {
            let decision = plan::install(picture, claim, &wanted, is_stale)?;
            Ok(decision.map(|Decision { transaction, replaced }| {
                installed.replaced = replaced.into_iter().collect();
                transaction
            }))
        })?;
        Ok(installed)
    }

    async fn remove(
        &self,
        owner: &Attachment,
        claim: Option<&Claim>,
        hints: &Hints,
    ) -> Result<(), Error> {
        let wish = claim
            .map(Wanted::by)
            .map_or(Wish::All, |claimed| Wish::to_remove(&claimed.branch.chain, &claimed.entries));
        let tag = owner.tag();
        self.settle(wish, |picture| Ok(plan::remove(picture, &tag, hints.keep_guard)))?;
        Ok(())
    }

    async fn check(&self, claim: &Claim) -> Result<(), Error> {
        let wanted = Wanted::by(claim);
        // All of it: what is too much can be anywhere.
        let picture = self.with(|kernel| Ok(Picture::take(kernel, &Wish::All)?))?;
        let differences = plan::differences(&picture, claim, &wanted);
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::Differs { rules: "nftables", differences })
    }

    async fn holdings(&self) -> Result<Vec<Holding>, Error> {
        let picture = self.with(|kernel| Ok(Picture::take(kernel, &Wish::All)?))?;
        Ok(holdings(&picture))
    }

    async fn ready(&self) -> Result<Fitness, Error> {
        self.with(probe::try_out)
    }
}

impl Drop for Nftables {
    fn drop(&mut self) {
        let kernel = self.kernel.take();
        if let Some(kernel) = kernel.filter(|_| self.deleted.get()) {
            // Whoever waits for this process need not wait for the kernel to be through with what was deleted.
            kernel.close_later();
        }
    }
}

impl fmt::Debug for Nftables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nftables").finish_non_exhaustive()
    }
}

fn holdings(picture: &Picture) -> Vec<Holding> {
    let mut found: BTreeMap<(&str, Family, &str), Holding> = BTreeMap::new();
    let ports = picture.elements.iter().filter(|(place, _)| place.map.role == Role::Ports);
    for (place, element) in ports {
        let tag = element.comment.as_deref().unwrap_or_default();
        let branch = chain_of(element.value.as_ref()).unwrap_or_default();
        let (family, chain) = (place.map.family, branches::configured(branch));
        let holding = found.entry((tag, family, chain)).or_insert_with(|| Holding {
            owner: plan::holder(tag),
            family,
            chain: chain.to_owned(),
            ports: Vec::new(),
        });
        let target = picture.elements.get(&place.of_target(branch)).and_then(entries::target);
        let taken = place.taken().map(|taken| (taken, target.unwrap_or_default()));
        holding.ports.extend(taken);
    }
    found.into_values().collect()
}
