//! The backends that a call uses. Each is opened once, when it is first needed.

use std::cell::OnceCell;
use std::time::Duration;

use cni_wrapper::Attachment;

use super::detect;
use super::interface::{
    Backend, ExistingRules, Hints, Installed, OwnedPorts, ProgramEnvironment, Readiness,
};
use super::iptables::{Iptables, Variant};
use super::nftables::Nftables;
use crate::claim::Claim;
use crate::config::BackendKind;
use crate::error::Error;
use crate::owner::Owner;

/// Opens backends and keeps them.
#[derive(Debug)]
pub struct Backends {
    environment: ProgramEnvironment,
    lock_timeout: Duration,
    opened: [OnceCell<AnyBackend>; BackendKind::ALL.len()],
}

impl Backends {
    /// Returns a value that has opened no backend yet.
    pub fn new(environment: ProgramEnvironment, lock_timeout: Duration) -> Self {
        Self { environment, lock_timeout, opened: Default::default() }
    }

    /// Returns the backend of a kind. It finds the backend's programs, but does not run them.
    ///
    /// Call it before anything is changed, so that there is nothing to roll back if it fails.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] or [`Error::Netlink`].
    pub fn get(&self, kind: BackendKind) -> Result<&AnyBackend, Error> {
        let cell = &self.opened[kind as usize];
        match cell.get() {
            Some(backend) => Ok(backend),
            None => {
                let backend = self.open(kind)?;
                Ok(cell.get_or_init(|| backend))
            }
        }
    }

    fn open(&self, kind: BackendKind) -> Result<AnyBackend, Error> {
        let variant = match kind {
            BackendKind::Nftables => return Nftables::open().map(AnyBackend::Nftables),
            BackendKind::Iptables => Variant::Default,
            BackendKind::IptablesNft => Variant::Nft,
            BackendKind::IptablesLegacy => Variant::Legacy,
        };
        Iptables::find(variant, &self.environment, self.lock_timeout).map(AnyBackend::Iptables)
    }

    /// Returns the kinds that may have made rules of unknown origin: the configured one, and one
    /// with the other mechanism, since the configuration may have changed. A kind that is not
    /// installed is left out.
    ///
    /// # Errors
    ///
    /// As [`Backends::get`], if it is unknown whether a kind is installed.
    pub fn possible(&self, configured: Option<BackendKind>) -> Result<Vec<BackendKind>, Error> {
        let first = configured.unwrap_or_default();
        let other = match first {
            BackendKind::Nftables => BackendKind::Iptables,
            _ => BackendKind::Nftables,
        };
        let mut kinds = Vec::new();
        for kind in [first, other] {
            match self.get(kind) {
                Ok(_) => kinds.push(kind),
                Err(error) if error.is_unavailable() => {
                    log::info!("{kind:?} is not available, so it has no rules: {error}");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(kinds)
    }

    /// Returns the kinds of the other mechanism (iptables or nftables) that have rules on this host
    /// and can be detected quickly.
    ///
    /// A variant of iptables is replaced by the default one if it is not installed under its name.
    pub fn others(&self, kind: BackendKind, chain: &str) -> Vec<BackendKind> {
        let Ok(AnyBackend::Nftables(nftables)) = self.get(BackendKind::Nftables) else {
            return Vec::new();
        };
        if kind != BackendKind::Nftables {
            let has_table = nftables.with(|kernel| Ok(detect::of_nftables(kernel)));
            return has_table
                .is_ok_and(|has| has)
                .then_some(BackendKind::Nftables)
                .into_iter()
                .collect();
        }
        let kinds = nftables.with(|kernel| Ok(detect::of_iptables(kernel, chain)));
        let usable =
            |kind| [kind, BackendKind::Iptables].into_iter().find(|kind| self.get(*kind).is_ok());
        let mut kinds: Vec<_> = kinds.unwrap_or_default().into_iter().filter_map(usable).collect();
        kinds.dedup();
        kinds
    }

    /// Returns the configured kind or the default: iptables if it is installed, since operators
    /// expect it, otherwise nftables, which needs no program.
    pub fn kind(&self, configured: Option<BackendKind>) -> BackendKind {
        configured.unwrap_or_else(|| match self.get(BackendKind::Iptables) {
            Ok(_) => BackendKind::Iptables,
            Err(_) => BackendKind::Nftables,
        })
    }
}

/// A backend of any kind.
#[derive(Debug)]
pub enum AnyBackend {
    /// The one that runs iptables.
    Iptables(Iptables),
    /// The one that uses netlink.
    Nftables(Nftables),
}

impl Backend for AnyBackend {
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
        is_stale: &dyn Fn(&Owner) -> bool,
    ) -> Result<Installed, Error> {
        match self {
            Self::Iptables(backend) => backend.install(claim, existing, is_stale).await,
            Self::Nftables(backend) => backend.install(claim, existing, is_stale).await,
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
            Self::Iptables(backend) => backend.ready().await,
            Self::Nftables(backend) => backend.ready().await,
        }
    }
}
