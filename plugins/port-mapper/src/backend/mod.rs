//! What makes the rules: one small trait, a backend a folder.

pub mod iptables;
pub mod nftables;

mod opened;
mod signs;

use std::ffi::OsString;

use crate::claim::Claim;
use crate::conflict::HostPorts;
use crate::error::Error;
use crate::family::Family;
use crate::owner::Owner;
use cni_wrapper::{Attachment, Environment};

pub use opened::{AnyBackend, Backends};

/// Makes, removes and shows the rules of claims.
///
/// The caller holds our [lock](crate::lock) around each call that changes something: `install` and `remove`.
#[allow(async_fn_in_trait, reason = "a plugin runs on one thread: its futures are never sent")]
pub trait Backend {
    /// Spends, while others hold the lock, what can be spent before an `install` or a `remove` of this claim. It touches nothing, and
    /// both work without it.
    async fn prepare(&self, claim: &Claim) {
        let _ = claim;
    }

    /// Makes the host's rules of this owner exactly those of the claim. What is right already is left alone, so
    /// repeating it does nothing; what is half there is repaired.
    ///
    /// A host port that belongs to another holder is refused before anything is touched, unless `is_stale` says
    /// that this holder is gone: then all its rules are removed in the same step. `besides` is what else of the
    /// owner may be there.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`]; or what the host refused. IPv4 rules may be there when those of IPv6 were refused:
    /// remove the owner then.
    async fn install(
        &self,
        claim: &Claim,
        besides: Besides,
        is_stale: &dyn Fn(&Owner) -> bool,
    ) -> Result<Installed, Error>;

    /// Removes every rule of the owner; those of the original port mapper too. None is success. Without a `claim`
    /// they are looked for by their tags.
    ///
    /// # Errors
    ///
    /// Rules may still be there.
    async fn remove(
        &self,
        owner: &Attachment,
        claim: Option<&Claim>,
        hints: &Hints,
    ) -> Result<(), Error>;

    /// Whether the rules are those that [`Backend::install`] makes of the claim.
    ///
    /// # Errors
    ///
    /// [`Error::Differs`], with what is missing or too much.
    async fn check(&self, claim: &Claim) -> Result<(), Error>;

    /// Everybody who has rules on this host, with the host ports they hold.
    ///
    /// # Errors
    ///
    /// The rules can't be listed.
    async fn holdings(&self) -> Result<Vec<Holding>, Error>;

    /// Whether an ADD could be served.
    ///
    /// # Errors
    ///
    /// What is missing or too old.
    async fn ready(&self) -> Result<Fitness, Error>;
}

/// What an owner may have besides what the claim says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Besides {
    /// Nothing: it was never mapped, or not otherwise.
    Nothing,
    /// Anything: it was mapped otherwise, or nobody knows.
    Anything,
}

/// What an install did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// Whether the rules were any different before.
    pub changed: bool,
    /// The holders that were gone and whose rules were removed, each once.
    pub replaced: Vec<Owner>,
}

/// What is known about the rules that are to be removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// The configured chain: the one in which rules of the original port mapper are looked for.
    pub chain: Option<String>,
    /// The families that the claim has rules in; `None` when no claim is known: then both are looked at, and
    /// one that this host does not have is taken for empty.
    pub families: Option<Vec<Family>>,
    /// Leave the guard against spoofed 127.0.0.0/8 in place even when nobody seems to need it. To be set while an
    /// interface has `route_localnet` on.
    pub keep_guard: bool,
}

/// A holder's rules of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holding {
    /// Who.
    pub owner: Owner,
    /// In which family.
    pub family: Family,
    /// In which chain.
    pub chain: String,
    /// The host ports, each with the container's address and port it leads to (`10.0.0.2:80`; without a port
    /// where the host's is kept).
    pub ports: Vec<(HostPorts, String)>,
}

/// What a backend is made of on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitness {
    /// Such as `iptables v1.8.9 (nf_tables)`.
    pub version: String,
    /// Whether IPv6 can be mapped too, or why not.
    pub ipv6: Result<(), String>,
}

/// What a backend takes from the plugin's environment; nothing else of it reaches a helper program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `PATH`.
    pub path: Option<OsString>,
    /// `XTABLES_LOCKFILE`.
    pub xtables_lock_file: Option<OsString>,
}

impl From<&Environment> for Surroundings {
    fn from(environment: &Environment) -> Self {
        let value = |name: &str| environment.get(name).map(ToOwned::to_owned);
        Self { path: value("PATH"), xtables_lock_file: value("XTABLES_LOCKFILE") }
    }
}
