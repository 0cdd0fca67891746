//! Which backend a call uses: the configured one, or the default, and the variant that the host
//! calls `iptables`.

use super::any::AnyBackend;
use super::foreign;
use super::iptables::{Iptables, Variant};
use super::opened::{Backends, variant};
use crate::config::BackendKind;
use crate::error::Error;

/// The backend of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The kind. It is `iptables` only if no program of that name is installed, or if it is unknown
    /// which variant it is.
    pub kind: BackendKind,
    /// Why the default is not iptables: `iptables-save cannot be used: …`.
    pub why: Option<String>,
}

impl Backends {
    /// Returns the kind of [`Backends::choose`].
    pub async fn kind(&self, configured: Option<BackendKind>) -> BackendKind {
        self.choose(configured).await.kind
    }

    /// Returns the configured backend, or the default: iptables if it is installed and usable,
    /// since operators expect it, otherwise nftables, which needs no program.
    ///
    /// A variant of iptables is returned in place of `iptables`. Usually the names of the programs
    /// show it; otherwise `iptables --version` is run, once.
    pub async fn choose(&self, configured: Option<BackendKind>) -> Choice {
        let chosen = |kind| Choice { kind, why: None };
        match configured {
            Some(BackendKind::Iptables) => {
                chosen(self.default_iptables().await.unwrap_or(BackendKind::Iptables))
            }
            Some(kind) => chosen(kind),
            None => match self.usable_iptables().await {
                Ok(kind) => chosen(kind),
                Err(error) => Choice { kind: BackendKind::Nftables, why: Some(error.to_string()) },
            },
        }
    }

    /// Returns the kind of the default programs, whose names [`Backends::get`] then prefers.
    async fn default_iptables(&self) -> Result<BackendKind, Error> {
        let default = Iptables::find(Variant::Default, &self.environment, self.lock_timeout)?;
        let known = match default.variant_of_links() {
            Some(variant) => Some(variant),
            None => self.variant_of_version(&default).await,
        };
        let kind = *self.default_kind.get_or_init(|| match known {
            Some(Variant::Nft) => BackendKind::IptablesNft,
            Some(Variant::Legacy) => BackendKind::IptablesLegacy,
            Some(Variant::Default) | None => BackendKind::Iptables,
        });
        self.get(kind).map(|_| kind)
    }

    async fn variant_of_version(&self, default: &Iptables) -> Option<Variant> {
        match self.default_by_version.get() {
            Some(variant) => *variant,
            None => {
                let variant = default.variant_of_version().await;
                *self.default_by_version.get_or_init(|| variant)
            }
        }
    }

    /// Returns the kind of the default programs, if they can show the tables that they need.
    async fn usable_iptables(&self) -> Result<BackendKind, Error> {
        let kind = self.default_iptables().await?;
        if kind == BackendKind::IptablesLegacy {
            return Ok(kind);
        }
        let Ok(AnyBackend::Nftables(nftables)) = self.get(BackendKind::Nftables) else {
            return Ok(kind); // nothing to fall back to
        };
        let suspicions = nftables.with(foreign::suspicions).unwrap_or_default();
        let AnyBackend::Iptables(iptables) = self.get(kind)? else { return Ok(kind) };
        foreign::verify(iptables, suspicions).await.map(|()| kind)
    }

    /// Returns the backend of a kind like [`Backends::get`]. If only the default programs could be
    /// of that variant, and their names don't say so, they are asked for their version first.
    pub(super) async fn get_with_version(&self, kind: BackendKind) -> Result<&AnyBackend, Error> {
        let is_variant = variant(kind).is_some_and(|variant| variant != Variant::Default);
        if is_variant && self.default_by_version.get().is_none() {
            let own = Iptables::find(
                variant(kind).unwrap_or(Variant::Default),
                &self.environment,
                self.lock_timeout,
            );
            let default = || Iptables::find(Variant::Default, &self.environment, self.lock_timeout);
            if own.is_err()
                && let Ok(default) = default()
                && default.variant_of_links().is_none()
            {
                self.variant_of_version(&default).await;
            }
        }
        self.get(kind)
    }
}
