//! Rules in the kernel's nf_tables, over netlink and without a program. The cost of a packet, an
//! ADD or a DEL does not depend on the number of other mappings.
//!
//! `layout` has the chains that all networks share, `network` those of one network, and `maps` the
//! maps of both. `desired` is what a claim needs, `observed` reads what exists, and `plan` decides
//! what has to change. `apply` commits that at the generation that was observed, so nothing can
//! change in between.

mod apply;
mod desired;
mod edit;
mod layout;
mod mapping_rules;
mod maps;
mod network;
mod observed;
mod own_rules;
mod plan;
mod probe;
mod ranges;
mod scope;

#[cfg(test)]
mod tests;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;

use cni_netlink::nftables::{Kernel, Ruleset, Transaction};
use cni_wrapper::Attachment;

use super::interface::{Backend, ExistingRules, Guard, Hints, Installed, OwnedPorts, Readiness};
use crate::claim::Claim;
use crate::conditions;
use crate::config::BackendKind;
use crate::error::Error;
use crate::family::Family;
use crate::owner::RuleTag;
use apply::Applied;
use desired::Desired;
use maps::Role;
use observed::{Observed, target_chain};
use scope::Scope;

pub(super) use layout::HOST_PORTS;
pub(crate) use layout::table;
pub(crate) use mapping_rules::{MappingRules, mapping_rules};
pub(crate) use probe::lacks_nf_tables;

/// The kernel's nf_tables.
pub struct Nftables {
    kernel: RefCell<Option<Kernel>>,
    /// Whether something was deleted, which makes closing the socket slow.
    deleted: Cell<bool>,
}

impl Nftables {
    /// Opens a socket and checks that the kernel has nf_tables.
    ///
    /// # Errors
    ///
    /// [`Error::Unfit`] if it has not; [`Error::Netlink`] if that is unknown, so that rules may
    /// exist.
    pub fn open() -> Result<Self, Error> {
        let mut kernel = Kernel::open().map_err(probe::unavailable)?;
        kernel.generation().map_err(probe::unavailable)?;
        Ok(Self { kernel: RefCell::new(Some(kernel)), deleted: Cell::new(false) })
    }

    /// Calls a function with the kernel's ruleset.
    pub(super) fn with<T>(
        &self,
        act: impl FnOnce(&mut Kernel) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self.kernel.borrow_mut().as_mut() {
            Some(kernel) => act(kernel),
            // Only `drop` takes it.
            None => unreachable!("the socket is open until the backend is dropped"),
        }
    }

    /// Observes, decides and commits. Returns whether anything was changed.
    fn apply(
        &self,
        scope: Scope,
        decide: impl FnMut(&Observed) -> Result<Option<Transaction>, Error>,
    ) -> Result<bool, Error> {
        let applied = self.with(|kernel| apply::apply(kernel, scope, decide))?;
        self.deleted.set(self.deleted.get() || applied == Applied::Deleted);
        Ok(applied != Applied::Nothing)
    }

    /// Reports whether the guard is complete.
    pub(super) fn has_guard(&self) -> Result<bool, Error> {
        let observed = self.with(|kernel| Ok(Observed::read(kernel, &Scope::nothing())?))?;
        Ok(plan::guard(&observed).is_empty())
    }

    fn observe_all(&self) -> Result<Observed, Error> {
        self.with(|kernel| Ok(Observed::read(kernel, &Scope::All)?))
    }
}

impl Backend for Nftables {
    fn can_map(&self, claim: &Claim) -> Result<(), Error> {
        match conditions::unsupported(&claim.conditions, BackendKind::Nftables) {
            None => Ok(()),
            Some(problem) => Err(Error::Config(vec![problem])),
        }
    }

    async fn install(
        &self,
        claim: &Claim,
        existing: ExistingRules,
        guard: Guard,
    ) -> Result<Installed, Error> {
        let mut desired = Desired::new(claim);
        desired.guard |= guard == Guard::Needed;
        let scope = match existing {
            ExistingRules::Any => Scope::All,
            ExistingRules::OfClaim => Scope::to_install(&desired.network.chain, &desired.elements),
        };
        let changed =
            self.apply(scope, |observed| plan::install(observed, claim, &desired).map(Some))?;
        Ok(Installed { changed })
    }

    async fn remove(
        &self,
        owner: &Attachment,
        claim: Option<&Claim>,
        hints: &Hints,
    ) -> Result<(), Error> {
        let scope = claim.map(Desired::new).map_or(Scope::All, |desired| {
            Scope::to_remove(&desired.network.chain, &desired.elements)
        });
        let tag = owner.tag();
        self.apply(scope, |observed| Ok(plan::remove(observed, &tag, hints.guard)))?;
        Ok(())
    }

    async fn ensure_guard(&self) -> Result<(), Error> {
        self.apply(Scope::nothing(), |observed| Ok(Some(plan::guard(observed)))).map(drop)
    }

    async fn check(&self, claim: &Claim) -> Result<(), Error> {
        let desired = Desired::new(claim);
        // An unexpected element can be in any map.
        let differences = plan::differences(&self.observe_all()?, claim, &desired);
        if differences.is_empty() {
            return Ok(());
        }
        Err(Error::Differs { rules: "nftables", differences })
    }

    async fn owned_ports(&self) -> Result<Vec<OwnedPorts>, Error> {
        Ok(owned_ports(&self.observe_all()?))
    }

    async fn ready(&self) -> Result<Readiness, Error> {
        self.with(probe::try_out)
    }
}

impl Drop for Nftables {
    fn drop(&mut self) {
        let kernel = self.kernel.take();
        if let Some(kernel) = kernel.filter(|_| self.deleted.get()) {
            // The runtime need not wait until the kernel has freed what was deleted.
            kernel.close_in_background();
        }
    }
}

impl fmt::Debug for Nftables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nftables").finish_non_exhaustive()
    }
}

fn owned_ports(observed: &Observed) -> Vec<OwnedPorts> {
    let mut found: BTreeMap<(&str, Family, &str), OwnedPorts> = BTreeMap::new();
    let ports = observed.elements.iter().filter(|(id, _)| id.map.role == Role::Ports);
    for (id, element) in ports {
        let tag = element.comment.as_deref().unwrap_or_default();
        let network = target_chain(element.value.as_ref()).unwrap_or_default();
        let (family, chain) = (id.map.family, network::configured_chain(network));
        let owned = found.entry((tag, family, chain)).or_insert_with(|| OwnedPorts {
            owner: plan::owner(tag),
            family,
            chain: chain.to_owned(),
            ports: Vec::new(),
        });
        let target = observed.elements.get(&id.of_target(network));
        let target = target.and_then(desired::format_target).unwrap_or_default();
        owned.ports.extend(id.host_ports().map(|ports| (ports, target)));
    }
    found.into_values().collect()
}
