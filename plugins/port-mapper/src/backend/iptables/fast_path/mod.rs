//! Two optimisations. The rest of the backend uses them through [`FastPath`] only.
//!
//! - **Single chains are listed.** Other programs, such as Kubernetes, have tens of thousands of
//!   rules in their own chains, and iptables-save lists them all. iptables-restore can list single
//!   chains (`-S CHAIN`), up to the first that does not exist. If the chains that a verb usually
//!   needs ([`scope`]) are not sufficient, all rules are listed after all. With 2,000 rules of
//!   other programs, an ADD that lists all rules takes 3.5 times as long with iptables-nft, and 1.2
//!   times with iptables-legacy.
//! - **iptables-restore is started early** ([`pool`]), before its input is known, while another
//!   process holds the lock or the rules are listed. Without that, an ADD takes 8 to 17 % longer.
//!
//! Without this folder every listing is [`Runner::save`], and the plan stays as it is.

mod filter;
mod pool;
mod scope;

use super::observed::{Listing, Tables};
use super::run::{RestoreProcess, Runner};
use crate::error::Error;
use crate::family::Family;
use filter::Filter;
use pool::Pool;
use scope::{ChainId, Coverage};

pub(super) use scope::Scope;

/// The optimised way to list and to change rules.
#[derive(Debug, Default)]
pub(super) struct FastPath {
    pool: Pool,
}

impl FastPath {
    /// Starts processes of iptables-restore until `count` of the family wait for their input.
    pub(super) async fn prestart(&self, runner: &Runner, family: Family, count: usize) {
        self.pool.fill(runner, family, count).await;
    }

    /// Ends the processes that were started and not needed.
    pub(super) async fn stop_unused(&self) {
        self.pool.clear().await;
    }

    /// Returns a process that waits for its input.
    pub(super) async fn restore_process(
        &self,
        runner: &Runner,
        family: Family,
    ) -> Result<RestoreProcess, Error> {
        match self.pool.take(family) {
            Some(process) => Ok(process),
            None => runner.start_restore(family).await,
        }
    }

    /// Lists the chains of the scope in one process, or in two if other networks have chains.
    ///
    /// Returns `None` if they are not sufficient, or if this version of iptables can't list them.
    pub(super) async fn list(
        &self,
        runner: &Runner,
        family: Family,
        tables: Tables,
        scope: &Scope<'_>,
    ) -> Result<Option<Listing>, Error> {
        let mut filter = Filter::new(scope, family);
        let mut chains = scope.chains(tables);
        let Some(listed) = self.read(runner, family, &chains, &mut filter).await? else {
            return Ok(None);
        };
        let mut listing = filter.listing(family, tables);
        let mut coverage =
            scope.coverage(&listing.observed(), &chains, listed, filter.has_strays());
        if let Coverage::NeedsChains(more) = coverage {
            if self.read(runner, family, &more, &mut filter).await? != Some(more.len()) {
                return Ok(None);
            }
            listing = filter.listing(family, tables);
            chains.truncate(listed);
            chains.extend(more);
            let listed = chains.len();
            coverage = scope.coverage(&listing.observed(), &chains, listed, filter.has_strays());
        }
        Ok((coverage == Coverage::Sufficient).then_some(listing))
    }

    /// Reads the listing of the chains into the filter. Returns how many were listed, up to the
    /// first that does not exist, or `None` if the output is not such a listing.
    async fn read(
        &self,
        runner: &Runner,
        family: Family,
        chains: &[ChainId],
        filter: &mut Filter,
    ) -> Result<Option<usize>, Error> {
        let Some(request) = scope::request(chains) else { return Ok(None) };
        let process = self.restore_process(runner, family).await?;
        filter.begin(chains);
        let status = runner.query(process, &request, &mut |bytes| filter.read(bytes)).await?;
        let listed = filter.end();
        let is_listing = match status {
            Some(0) => listed == chains.len(),
            Some(1) => listed < chains.len(),
            _ => false,
        };
        Ok(is_listing.then_some(listed))
    }
}
