//! Rules in the kernel's nf_tables, over netlink.

use super::{Backend, Before, Fitness, Hints, Holding, Installed};
use crate::claim::Claim;
use crate::error::Error;
use crate::owner::{Holder, Owner};

/// The kernel's nf_tables.
#[derive(Debug)]
pub struct Nftables {}

impl Nftables {
    /// Opens it.
    ///
    /// # Errors
    ///
    /// [`Error::Unfit`].
    pub fn open() -> Result<Self, Error> {
        Err(Error::Unfit { program: "nftables".into(), why: "not yet".into() })
    }
}

impl Backend for Nftables {
    async fn install(
        &self,
        _: &Claim,
        _: Before<'_>,
        _: &dyn Fn(&Holder) -> bool,
    ) -> Result<Installed, Error> {
        Ok(Installed::default())
    }

    async fn remove(&self, _: &Owner, _: Option<&Claim>, _: &Hints) -> Result<(), Error> {
        Ok(())
    }

    async fn check(&self, _: &Claim) -> Result<(), Error> {
        Ok(())
    }

    async fn holdings(&self) -> Result<Vec<Holding>, Error> {
        Ok(Vec::new())
    }

    async fn ready(&self) -> Result<Fitness, Error> {
        Ok(Fitness { version: String::new(), ipv6: Ok(()) })
    }
}
