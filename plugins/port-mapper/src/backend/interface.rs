//! What the port mapper expects from a backend.

use std::ffi::OsString;
use std::fmt;
use std::rc::Rc;

use cni_wrapper::{Attachment, Environment};
use serde::{Deserialize, Serialize};

use crate::claim::Claim;
use crate::conflict::HostPorts;
use crate::error::Error;
use crate::family::Family;
use crate::owner::Owner;

/// Creates, removes and lists the rules of claims.
///
/// The caller holds the [lock](crate::lock) during `install` and `remove`.
#[allow(async_fn_in_trait, reason = "a plugin runs on one thread: its futures are never sent")]
pub trait Backend {
    /// Sets the record of who made which chain, for the calls that follow.
    ///
    /// Without it, only chains with [well-known names](super::iptables::is_well_known) are taken
    /// for other programs', and nothing is recorded.
    fn record_chains_in(&self, record: Rc<dyn ChainRecord>) {
        let _ = record;
    }

    /// Checks, without running a program, that the claim's mappings are possible in every family
    /// that they are in. An ADD asks it before it changes anything.
    ///
    /// # Errors
    ///
    /// [`Error::Unfit`].
    fn can_map(&self, claim: &Claim) -> Result<(), Error> {
        let _ = claim;
        Ok(())
    }

    /// Does the work of `install` that needs no lock ahead of time. It changes no rules, and is
    /// optional.
    async fn prepare(&self, claim: &Claim) {
        let _ = claim;
    }

    /// Makes the owner's rules on this host exactly those of the claim.
    ///
    /// Correct rules are left alone, so a second call changes nothing, and missing ones are added.
    /// `existing` are the rules that the claim's owner may have before.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] if rules of another owner have a host port of the claim: nothing is
    /// changed then. Or the host refused the change. Rules for IPv4 may exist although those for
    /// IPv6 were refused: then remove the owner.
    async fn install(
        &self,
        claim: &Claim,
        existing: ExistingRules,
        guard: Guard,
    ) -> Result<Installed, Error>;

    /// Removes every rule of the owner, including those of Mesos's original port mapper.
    ///
    /// It succeeds if there is none. Without a `claim` the rules are found by their tags.
    ///
    /// # Errors
    ///
    /// Rules may still exist.
    async fn remove(
        &self,
        owner: &Attachment,
        claim: Option<&Claim>,
        hints: &Hints,
    ) -> Result<(), Error>;

    /// Creates the guard of 127.0.0.0/8, or what is missing of it.
    ///
    /// # Errors
    ///
    /// The host refused the change.
    async fn ensure_guard(&self) -> Result<(), Error>;

    /// Checks that the rules are those that [`Backend::install`] creates for the claim.
    ///
    /// # Errors
    ///
    /// [`Error::Differs`] with the missing and unexpected rules.
    async fn check(&self, claim: &Claim) -> Result<(), Error>;

    /// Returns every owner of rules on this host, with its host ports.
    ///
    /// # Errors
    ///
    /// The rules can't be listed.
    async fn owned_ports(&self) -> Result<Vec<OwnedPorts>, Error>;

    /// Checks that an ADD is possible.
    ///
    /// # Errors
    ///
    /// Something is missing or too old.
    async fn ready(&self) -> Result<Readiness, Error>;
}

/// The rules that an owner may have before an install.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExistingRules {
    /// None, or those of the claim: it has had no other claim.
    OfClaim,
    /// Any: it has had another claim, or that is unknown.
    Any,
}

/// Whether the guard of 127.0.0.0/8 must exist, apart from the owner that a call is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub enum Guard {
    /// Some interface has `route_localnet` on: the guard is created if it is missing.
    Needed,
    /// It is unknown whether one has: a guard that exists is kept, and none is created for it.
    Keep,
    /// No rules of this backend need it, or those that do are seen.
    #[default]
    AsRulesRequire,
}

/// The outcome of an install.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Installed {
    /// Whether the rules were different before. An ADD does not need it: it shows callers of the
    /// library, and tests, that a repeated install changed nothing.
    pub changed: bool,
}

/// The record of who made the chains that contain rules of one backend.
///
/// A chain without a note is ours unless its name is [well
/// known](super::iptables::is_well_known), since the record can be lost.
pub trait ChainRecord: fmt::Debug {
    /// Returns the notes. A damaged record has none.
    ///
    /// # Errors
    ///
    /// They can't be read.
    fn read(&self) -> Result<Vec<ChainNote>, Error>;

    /// Replaces the notes. The caller holds the [lock](crate::lock).
    ///
    /// # Errors
    ///
    /// They can't be written.
    fn write(&self, notes: &[ChainNote]) -> Result<(), Error>;

    /// Reports whether a chain has had rules of an attachment whose ADD succeeded, other than
    /// `except`.
    fn is_claimed(&self, chain: &str, except: Option<&Attachment>) -> bool;
}

/// What is recorded about a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainNote {
    /// The family of its table.
    pub family: Family,
    /// Its name.
    pub chain: String,
    /// Who made it.
    #[serde(flatten)]
    pub origin: ChainOrigin,
}

/// Who made a chain. It is recorded before the first rule of ours is in the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "origin", rename_all = "kebab-case")]
pub enum ChainOrigin {
    /// An ADD was about to create it together with its first rule. As long as it has had rules of
    /// ours since, it is ours; otherwise that ADD may have been killed before.
    Announced,
    /// It is ours, although it has no rule of ours: the last DEL has kept it for rules or jumps of
    /// another program.
    Kept,
    /// Another program made it. It is never deleted, and neither are the jumps that it had before.
    Found {
        /// The jumps that existed before, among those that the port mapper needs.
        jumps: Vec<Jump>,
    },
}

/// A jump to a network's chain, by what it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Jump {
    /// The one for packets from other hosts and from containers.
    Prerouting,
    /// The one for packets of the host itself.
    Output,
    /// The one for packets that the host sends to 127.0.0.0/8.
    Localhost,
}

/// What is known about the rules to remove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// The configured chain, in which rules of Mesos's original port mapper are searched.
    pub chain: Option<String>,
    /// The families of the claim's rules. If it is `None`, both are listed, and one of which
    /// nothing shows that this host has rules is taken for empty.
    pub families: Option<Vec<Family>>,
    /// Whether the guard must exist. It is [`Guard::Needed`] while an interface has
    /// `route_localnet` on.
    pub guard: Guard,
    /// Whether the rules of the claim existed: it was committed. Then its chain had rules of ours,
    /// even if it is empty now, and is removed.
    pub had_rules: bool,
}

/// An owner's rules of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnedPorts {
    /// The owner.
    pub owner: Owner,
    /// The family.
    pub family: Family,
    /// The chain.
    pub chain: String,
    /// The host ports, each with its target: the container's address and port (`10.0.0.2:80`), or
    /// only the address if the port is the same.
    pub ports: Vec<(HostPorts, String)>,
}

/// What a backend can do on this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// The version, such as `iptables v1.8.9 (nf_tables)`.
    pub version: String,
    /// Whether IPv6 can be mapped, or why not.
    pub ipv6: Result<(), String>,
}

/// The variables of the plugin's environment that are passed to helper programs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProgramEnvironment {
    /// The variable `PATH`.
    pub path: Option<OsString>,
    /// The variable `XTABLES_LOCKFILE`.
    pub xtables_lock_file: Option<OsString>,
}

impl From<&Environment> for ProgramEnvironment {
    fn from(environment: &Environment) -> Self {
        let value = |name: &str| environment.get(name).map(ToOwned::to_owned);
        Self { path: value("PATH"), xtables_lock_file: value("XTABLES_LOCKFILE") }
    }
}
