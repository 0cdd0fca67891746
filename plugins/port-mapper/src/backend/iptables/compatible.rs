//! Questions to the programs that are not about the rules of a claim.

use super::observed::Tables;
use super::programs::{Program, Variant};
use super::{Iptables, links};
use crate::error::Error;
use crate::family::Family;

impl Iptables {
    /// Returns the variant whose programs were searched.
    pub(in crate::backend) fn variant(&self) -> Variant {
        self.executor.runner.programs.variant()
    }

    /// Returns the variant that the programs' links show, without running one.
    pub(in crate::backend) fn variant_of_links(&self) -> Option<Variant> {
        links::variant(&self.executor.runner.programs.find(Program::Restore, Family::V4).ok()?)
    }

    /// Runs `iptables --version`. Returns `None` if the program fails, is too old, or shows none.
    pub(in crate::backend) async fn variant_of_version(&self) -> Option<Variant> {
        match self.executor.runner.supported_version().await {
            Ok(version) => links::variant_of_version(&version),
            Err(error) => {
                log::info!("the variant of iptables is unknown: {error}");
                None
            }
        }
    }

    /// Lists the rules of all tables, of whichever program.
    ///
    /// # Errors
    ///
    /// The program fails, or can't show the tables that the port mapper uses.
    pub(crate) async fn list_all(&self, family: Family) -> Result<String, Error> {
        // Without a table, the program lists all.
        self.executor.runner.save(family, Tables::NatAndRaw).await
    }

    /// Lists the rules that the port mapper uses, to see whether the program can show them.
    ///
    /// # Errors
    ///
    /// [`Error::Unfit`] if a table contains what `nft` made and iptables can't express.
    pub(in crate::backend) async fn try_listing(&self, family: Family) -> Result<(), Error> {
        let tables = match family {
            Family::V4 => Tables::NatAndRaw,
            Family::V6 => Tables::Nat,
        };
        self.executor.runner.save(family, tables).await.map(drop)
    }
}
