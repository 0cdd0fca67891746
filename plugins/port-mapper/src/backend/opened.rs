//! The backends that a call uses. Each is opened once, when it is first needed.
//!
//! Rules of ours can be in three places: in our own table of nf_tables, in the tables of
//! iptables-nft, and in those of iptables-legacy. The kind `iptables` is not a fourth one: it is
//! the variant that the host calls so, which [`Backends::kind`] finds out.

use std::cell::OnceCell;
use std::time::Duration;

use cni_wrapper::Attachment;

use super::any::AnyBackend;
use super::detect::{self, Tags, Traces};
use super::interface::{Backend, ProgramEnvironment};
use super::iptables::{Iptables, Names, Programs, Variant};
use super::nftables::Nftables;
use super::remains::{explained, remains};
use crate::claim::Claim;
use crate::config::BackendKind;
use crate::error::Error;
use crate::family::Family;
use crate::owner::Owner;

/// The kinds of the places where rules of ours can be.
pub(super) const PLACES: [BackendKind; 3] =
    [BackendKind::Nftables, BackendKind::IptablesNft, BackendKind::IptablesLegacy];

/// Opens backends and keeps them.
#[derive(Debug)]
pub struct Backends {
    pub(super) environment: ProgramEnvironment,
    pub(super) lock_timeout: Duration,
    opened: [OnceCell<AnyBackend>; BackendKind::ALL.len()],
    /// The variant of the default programs by their version, once they were asked for it. It is
    /// `None` if they don't show it.
    pub(super) default_by_version: OnceCell<Option<Variant>>,
    /// The kind of the default programs, once it was found out. Their names are preferred to those
    /// of the variant.
    pub(super) default_kind: OnceCell<BackendKind>,
}

impl Backends {
    /// Returns how long the programs wait for locks.
    pub(crate) fn lock_timeout(&self) -> Duration {
        self.lock_timeout
    }

    /// Returns a value that has opened no backend yet.
    pub fn new(environment: ProgramEnvironment, lock_timeout: Duration) -> Self {
        let (opened, default_by_version, default_kind) = Default::default();
        Self { environment, lock_timeout, opened, default_by_version, default_kind }
    }

    /// Returns a value that has opened no backend, but knows what this one has found out about the
    /// host's programs. What backends have started ahead of time ends with them.
    pub fn reopened(&self) -> Self {
        Self {
            environment: self.environment.clone(),
            lock_timeout: self.lock_timeout,
            opened: Default::default(),
            default_by_version: self.default_by_version.clone(),
            default_kind: self.default_kind.clone(),
        }
    }

    /// Returns the backend of a kind. It finds the backend's programs, but does not run them.
    ///
    /// A variant that is not installed under its own name is the default one, if that is of this
    /// variant. Call it before anything is changed, so that there is nothing to roll back if it
    /// fails.
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
        match variant(kind) {
            None => Nftables::open().map(AnyBackend::Nftables),
            Some(variant) => {
                let is_default = self.default_kind.get() == Some(&kind);
                let names = if is_default { Names::Default } else { Names::Own };
                self.open_iptables(variant, names).map(AnyBackend::Iptables)
            }
        }
    }

    fn open_iptables(&self, variant: Variant, names: Names) -> Result<Iptables, Error> {
        // A program that does not show its variant is taken for any, as long as it was not asked: a
        // claim names a variant only if the program told it.
        let accepts_unnamed = self
            .default_by_version
            .get()
            .is_none_or(|by_version| by_version.is_none_or(|default| default == variant));
        let programs = Programs::new(variant, &self.environment).with(names, accepts_unnamed);
        Iptables::open(programs, self.lock_timeout)
    }

    /// Returns the kinds that may have rules of an attachment, or of any if none is given: for a
    /// DEL or GC that has no claim to look it up in. Each place is returned once.
    ///
    /// A place in which the kernel shows no such rules is left out. No program is run if the names
    /// of the programs show their variants.
    ///
    /// # Errors
    ///
    /// There are such rules, but no program that could list them; or the kernel can't be asked.
    pub async fn possible(&self, owner: Option<&Attachment>) -> Result<Vec<BackendKind>, Error> {
        let mut kinds = Vec::new();
        for kind in PLACES {
            let traces = self.traces(kind, owner)?;
            if traces == Traces::None {
                continue;
            }
            match self.get_with_version(kind).await {
                Ok(_) => kinds.push(kind),
                Err(error) if traces == Traces::Rules => {
                    return Err(self.remaining(kind, owner, error));
                }
                Err(error) => log::info!("{kind} can't be searched for rules: {error}"),
            }
        }
        Ok(kinds)
    }

    /// Returns what the kernel shows of an owner, or of any owner, in a place.
    fn traces(&self, kind: BackendKind, owner: Option<&Attachment>) -> Result<Traces, Error> {
        if kind == BackendKind::IptablesLegacy {
            return Ok(detect::traces_of_legacy(owner));
        }
        let nftables = match self.get(BackendKind::Nftables) {
            Ok(AnyBackend::Nftables(nftables)) => nftables,
            Err(error) if !error.is_unavailable() => return Err(error),
            // A kernel without nf_tables has no rules. Without permission it is unknown.
            _ => return Tags::of_iptables_nft(&Family::ALL).map(|_| Traces::None),
        };
        nftables.with(|kernel| match kind {
            BackendKind::Nftables if detect::of_nftables(kernel)? => Ok(Traces::Rules),
            BackendKind::Nftables => Ok(Traces::None),
            _ => {
                Ok(Tags::read(kernel, &Family::ALL)?
                    .traces(owner, || detect::has_own_chain(kernel)))
            }
        })
    }

    fn remaining(&self, kind: BackendKind, owner: Option<&Attachment>, error: Error) -> Error {
        match variant(kind).and_then(|variant| remains(variant, &Family::ALL, owner)) {
            Some(remains) => explained(error, remains),
            None => error,
        }
    }

    /// Returns the kinds of the places where the rules of a claim are: the one that it names, or
    /// all that are possible if it names none, as claims of earlier versions do.
    ///
    /// # Errors
    ///
    /// As [`Backends::possible`].
    pub async fn of_claim(&self, claim: &Claim) -> Result<Vec<BackendKind>, Error> {
        let (kind, owner) = (claim.backend, Some(&claim.owner));
        if kind == BackendKind::Iptables {
            return self.possible(owner).await;
        }
        match self.get_with_version(kind).await {
            Ok(_) => Ok(vec![kind]),
            Err(error) => match variant(kind).map(|one| remains(one, &Family::ALL, owner)) {
                // The program was uninstalled, and its rules no longer exist.
                Some(None) => Ok(Vec::new()),
                _ => Err(self.remaining(kind, owner, error)),
            },
        }
    }

    /// Returns the kind in which the rules of a claim are or belong: for CHECK and `restore`.
    ///
    /// It differs from the kind that the claim names if that is `iptables`, as in claims of earlier
    /// versions: then it is the variant that has rules of the owner, or else the default one.
    pub async fn home(&self, claim: &Claim) -> BackendKind {
        if claim.backend != BackendKind::Iptables {
            return claim.backend;
        }
        let owner = Owner::from(&claim.owner);
        for kind in self.possible(Some(&claim.owner)).await.unwrap_or_default() {
            let Ok(backend) = self.get(kind) else { continue };
            let owned = backend.owned_ports().await.unwrap_or_default();
            if owned.iter().any(|owned| owned.owner == owner) {
                return kind;
            }
        }
        self.kind(None).await
    }

    /// Returns the kinds of the places other than `kind` that have rules of ours on this host.
    ///
    /// The kernel is asked with a few messages, and no program is run if the names of the programs
    /// show their variants. Rules that no installed program can list are passed over.
    pub async fn others(&self, kind: BackendKind, chain: &str) -> Vec<BackendKind> {
        let mut kinds = Vec::new();
        // If the variant of a claim is unknown, a variant could be its own place.
        let is_unknown = kind == BackendKind::Iptables;
        for other in PLACES.into_iter().filter(|other| *other != kind) {
            if (is_unknown && other != BackendKind::Nftables) || !self.is_used(other, chain) {
                continue;
            }
            match self.get_with_version(other).await {
                Ok(_) => kinds.push(other),
                Err(error) => log::warn!("host ports that {other} maps are ignored: {error}"),
            }
        }
        kinds
    }

    fn is_used(&self, kind: BackendKind, chain: &str) -> bool {
        if kind == BackendKind::IptablesLegacy {
            return match Tags::of_iptables_legacy(&Family::ALL) {
                Ok(tags) => !tags.is_empty(),
                // The table exists, and its program may be able to list it.
                Err(error) => matches!(error, Error::Netlink(_)),
            };
        }
        let Ok(AnyBackend::Nftables(nftables)) = self.get(BackendKind::Nftables) else {
            return false;
        };
        let used = nftables.with(|kernel| match kind {
            BackendKind::Nftables => detect::of_nftables(kernel),
            _ => detect::of_iptables_nft(kernel, chain),
        });
        used.unwrap_or_else(|error| {
            log::warn!("host ports that {kind} maps are ignored: {error}");
            false
        })
    }
}

/// Returns the variant of iptables of a kind.
pub(super) fn variant(kind: BackendKind) -> Option<Variant> {
    match kind {
        BackendKind::Nftables => None,
        BackendKind::Iptables => Some(Variant::Default),
        BackendKind::IptablesNft => Some(Variant::Nft),
        BackendKind::IptablesLegacy => Some(Variant::Legacy),
    }
}
