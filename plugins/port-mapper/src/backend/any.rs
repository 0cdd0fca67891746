//! A backend of any kind.

use std::rc::Rc;

use cni_wrapper::Attachment;

use super::foreign;
use super::interface::{
    Backend, ChainRecord, ExistingRules, Guard, Hints, Installed, OwnedPorts, Readiness,
};
use super::iptables::Iptables;
use super::nftables::Nftables;
use crate::claim::Claim;
use crate::error::Error;

/// A backend of any kind.
#[derive(Debug)]
pub enum AnyBackend {
    /// The one that runs iptables.
    Iptables(Iptables),
    /// The one that uses netlink.
    Nftables(Nftables),
}

impl Backend for AnyBackend {
    fn record_chains_in(&self, record: Rc<dyn ChainRecord>) {
        match self {
            Self::Iptables(backend) => backend.record_chains_in(record),
            Self::Nftables(backend) => backend.record_chains_in(record),
        }
    }

    fn can_map(&self, claim: &Claim) -> Result<(), Error> {
        match self {
            Self::Iptables(backend) => backend.can_map(claim),
            Self::Nftables(backend) => backend.can_map(claim),
        }
    }

    async fn prepare(&self, claim: &Claim) {
        match self {
            Self::Iptables(backend) => backend.prepare(claim).await,
            Self::Nftables(backend) => backend.prepare(claim).await,
        }
    }

    async fn install(
        &self,
        claim: &Claim,
        existing: ExistingRules,
        guard: Guard,
    ) -> Result<Installed, Error> {
        match self {
            Self::Iptables(backend) => backend.install(claim, existing, guard).await,
            Self::Nftables(backend) => backend.install(claim, existing, guard).await,
        }
    }

    async fn ensure_guard(&self) -> Result<(), Error> {
        match self {
            Self::Iptables(backend) => backend.ensure_guard().await,
            Self::Nftables(backend) => backend.ensure_guard().await,
        }
    }

    async fn remove(
        &self,
        owner: &Attachment,
        claim: Option<&Claim>,
        hints: &Hints,
    ) -> Result<(), Error> {
        match self {
            Self::Iptables(backend) => backend.remove(owner, claim, hints).await,
            Self::Nftables(backend) => backend.remove(owner, claim, hints).await,
        }
    }

    async fn check(&self, claim: &Claim) -> Result<(), Error> {
        match self {
            Self::Iptables(backend) => backend.check(claim).await,
            Self::Nftables(backend) => backend.check(claim).await,
        }
    }

    async fn owned_ports(&self) -> Result<Vec<OwnedPorts>, Error> {
        match self {
            Self::Iptables(backend) => backend.owned_ports().await,
            Self::Nftables(backend) => backend.owned_ports().await,
        }
    }

    async fn ready(&self) -> Result<Readiness, Error> {
        match self {
            Self::Iptables(backend) => {
                foreign::check(backend).await?;
                backend.ready().await
            }
            Self::Nftables(backend) => backend.ready().await,
        }
    }
}
