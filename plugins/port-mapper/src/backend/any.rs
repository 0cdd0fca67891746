//! A backend of any kind.

use cni_wrapper::Attachment;

use super::detect::Tags;
use super::foreign;
use super::interface::{
    Backend, ExistingRules, FoundChain, Guard, Hints, Installed, OwnedPorts, Readiness,
};
use super::iptables::{Iptables, Variant};
use super::nftables::Nftables;
use crate::claim::Claim;
use crate::error::Error;
use crate::owner::Owner;

/// A backend of any kind.
#[derive(Debug)]
pub enum AnyBackend {
    /// The one that runs iptables.
    Iptables(Iptables),
    /// The one that uses netlink.
    Nftables(Nftables),
}

impl Backend for AnyBackend {
    fn keep_chains(&self, chains: Vec<FoundChain>) {
        match self {
            Self::Iptables(backend) => backend.keep_chains(chains),
            Self::Nftables(backend) => backend.keep_chains(chains),
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
            Self::Iptables(backend) => {
                let removed = backend.remove(owner, claim, hints).await;
                removed.or_else(|error| unless_absent(backend, Some(owner), error))
            }
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
            Self::Iptables(backend) => {
                let listed = backend.owned_ports().await;
                listed.or_else(|error| unless_absent(backend, None, error))
            }
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

/// Returns the error of a program, unless the kernel proves that there is no rule that it could
/// have listed or removed: of the owner, or of any owner if none is given.
fn unless_absent<T: Default>(
    backend: &Iptables,
    owner: Option<&Attachment>,
    error: Error,
) -> Result<T, Error> {
    match remains(backend.variant(), owner) {
        Some(remains) => Err(explained(error, remains)),
        None => {
            log::info!("iptables fails, but has no rules of ours: {error}");
            Ok(T::default())
        }
    }
}

/// Rules that may be left in a place of iptables.
pub(super) enum Remains {
    /// The kernel has rules of this owner.
    Of(Owner),
    /// It can't be told without a program.
    Unknown,
}

/// Returns what is left of an owner, or of any owner, in the place of a variant. Returns `None` if
/// the kernel proves that there is nothing.
pub(super) fn remains(variant: Variant, owner: Option<&Attachment>) -> Option<Remains> {
    let read: &[fn() -> Result<Tags, Error>] = match variant {
        Variant::Nft => &[Tags::of_iptables_nft],
        Variant::Legacy => &[Tags::of_iptables_legacy],
        Variant::Default => &[Tags::of_iptables_nft, Tags::of_iptables_legacy],
    };
    read.iter().find_map(|read| match read() {
        Ok(tags) if !tags.has(owner) => None,
        Ok(tags) => match owner {
            Some(owner) => Some(Remains::Of(owner.into())),
            None => Some(tags.first().map_or(Remains::Unknown, Remains::Of)),
        },
        Err(_) => Some(Remains::Unknown),
    })
}

/// Adds to the error of a program that can't be used that it has to be.
pub(super) fn explained(error: Error, remains: Remains) -> Error {
    let Remains::Of(owner) = remains else { return error };
    let why = |why: String| format!("{why}; the kernel still has rules of {owner} there");
    match error {
        Error::Unfit { program, why: reason } => Error::Unfit { program, why: why(reason) },
        Error::Missing { program, searched } => {
            let reason = format!("it is not installed in {searched}; install it");
            Error::Unfit { program: program.into(), why: why(reason) }
        }
        other => other,
    }
}
