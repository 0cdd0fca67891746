//! The backends that a run uses: each is opened once, when it is first needed.

use std::cell::OnceCell;
use std::time::Duration;

use super::iptables::{Iptables, Variant};
use super::nftables::Nftables;
use super::signs;
use super::{Backend, Besides, Fitness, Hints, Holding, Installed, Surroundings};
use crate::claim::Claim;
use crate::config::BackendKind;
use crate::error::Error;
use crate::owner::Owner;
use cni_wrapper::Attachment;

/// Opens backends.
#[derive(Debug)]
pub struct Backends {
    surroundings: Surroundings,
    lock_timeout: Duration,
    opened: [OnceCell<AnyBackend>; BackendKind::ALL.len()],
}

impl Backends {
    /// Opens none yet.
    pub fn new(surroundings: Surroundings, lock_timeout: Duration) -> Self {
        Self { surroundings, lock_timeout, opened: Default::default() }
    }

    /// The backend of that kind. Looks for its programs and runs none.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`] or [`Error::Netlink`]. Call it before anything is built, so that there is nothing to undo.
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
            BackendKind::Iptables => Variant::Usual,
            BackendKind::IptablesNft => Variant::Nft,
            BackendKind::IptablesLegacy => Variant::Legacy,
        };
        Iptables::find(variant, &self.surroundings, self.lock_timeout).map(AnyBackend::Iptables)
    }

    /// Every kind that rules of unknown origin may be of on this host: the configured one, and one of the other sort,
    /// since the configuration may have been another one once. None where nothing is installed.
    ///
    /// # Errors
    ///
    /// As [`Backends::get`], when it is not known whether there are such rules.
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
                Err(error) if error.is_unavailable() => log::info!("no rules by {kind:?}: {error}"),
                Err(error) => return Err(error),
            }
        }
        Ok(kinds)
    }

    /// The kinds of another sort than this one that have rules on this host, as far as can be told in a moment, and
    /// as far as they can be asked: iptables by the name of its variant, or by the usual one where it is the only one.
    pub fn others(&self, kind: BackendKind, chain: &str) -> Vec<BackendKind> {
        let Ok(AnyBackend::Nftables(nftables)) = self.get(BackendKind::Nftables) else {
            return Vec::new();
        };
        if kind != BackendKind::Nftables {
            let has_table = nftables.with(|kernel| Ok(signs::of_nftables(kernel)));
            return has_table
                .is_ok_and(|has| has)
                .then_some(BackendKind::Nftables)
                .into_iter()
                .collect();
        }
        let kinds = nftables.with(|kernel| Ok(signs::of_iptables(kernel, chain)));
        let askable =
            |kind| [kind, BackendKind::Iptables].into_iter().find(|kind| self.get(*kind).is_ok());
        let mut kinds: Vec<_> = kinds.unwrap_or_default().into_iter().filter_map(askable).collect();
        kinds.dedup();
        kinds
    }

    /// The configured kind, or the default: iptables where it is installed, which is what operators expect to see;
    /// else nftables, which needs no program.
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
    /// Runs iptables.
    Iptables(Iptables),
    /// Talks to the kernel.
    Nftables(Nftables),
}

impl Backend for AnyBackend {
    async fn prepare(&self, claim: &Claim) {
        match self {
            Self::Iptables(backend) => backend.prepare(claim).await,
            Self::Nftables(backend) => backend.prepare(claim).await,
        }
    }

    async fn install(
        &self,
        claim: &Claim,
        besides: Besides,
        is_stale: &dyn Fn(&Owner) -> bool,
    ) -> Result<Installed, Error> {
        match self {
            Self::Iptables(backend) => backend.install(claim, besides, is_stale).await,
            Self::Nftables(backend) => backend.install(claim, besides, is_stale).await,
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

    async fn holdings(&self) -> Result<Vec<Holding>, Error> {
        match self {
            Self::Iptables(backend) => backend.holdings().await,
            Self::Nftables(backend) => backend.holdings().await,
        }
    }

    async fn ready(&self) -> Result<Fitness, Error> {
        match self {
            Self::Iptables(backend) => backend.ready().await,
            Self::Nftables(backend) => backend.ready().await,
        }
    }
}
