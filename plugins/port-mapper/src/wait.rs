//! The wait of an ADD for host ports of other containers.
//!
//! Some runtimes, such as Mesos, start the next task before the DEL of the last one.

use std::time::{Duration, Instant};

use async_std::task;

use crate::claim::Claim;
use crate::config::Settings;
use crate::conflict::{Conflict, Evidence};
use crate::error::AttachError::{self, Unchanged};
use crate::error::Error;
use crate::ownership::decide;
use crate::queue::{Queue, Ticket};
use crate::records::Records;

/// How often an ADD looks whether what it waits for has changed.
const POLL: Duration = Duration::from_millis(20);
/// How often it tries again if only rules show who has a host port: then all must be listed.
const SLOW_POLL: Duration = Duration::from_millis(250);

/// The wait for host ports of other containers.
#[derive(Debug)]
pub struct Wait {
    timeout: Duration,
    /// When the first conflict was found.
    started: Option<Instant>,
    ticket: Option<Ticket>,
}

impl Wait {
    /// Returns a wait that has not begun.
    pub fn new(timeout: Duration) -> Self {
        Self { timeout, started: None, ticket: None }
    }

    /// Returns the host ports of a claim that others came for before.
    pub fn ahead(&self, records: &Records, claim: &Claim) -> Vec<Conflict> {
        Queue::new(&records.host).ahead(self.ticket.as_ref(), claim)
    }

    fn left(&self) -> Duration {
        let waited = self.started.map_or(Duration::ZERO, |started| started.elapsed());
        self.timeout.saturating_sub(waited)
    }

    /// Returns the error for conflicts, and enters the queue if there is time to wait. The caller
    /// holds the lock.
    pub fn refused(
        &mut self,
        records: &Records,
        claim: &Claim,
        conflicts: Vec<Conflict>,
    ) -> AttachError {
        self.started.get_or_insert_with(Instant::now);
        if self.ticket.is_none() && !self.left().is_zero() {
            match Queue::new(&records.host).enter(&claim.owner, &conflicts) {
                Ok(ticket) => self.ticket = Some(ticket),
                Err(error) => log::warn!("others may be served first: {error}"),
            }
        }
        Unchanged(Error::conflict(conflicts))
    }

    /// Waits, without the lock, until the conflicts may be over.
    ///
    /// # Errors
    ///
    /// The time is over: the conflicts.
    pub async fn for_change(
        &self,
        settings: &Settings,
        claim: &Claim,
        conflicts: Vec<Conflict>,
    ) -> Result<(), AttachError> {
        // Otherwise claims or the queue show whether it is worth to take the lock.
        let is_by_rules = conflicts.iter().all(|conflict| conflict.evidence == Evidence::RulesOnly);
        loop {
            let left = self.left();
            if left.is_zero() {
                let waited = self.timeout;
                return Err(Unchanged(Error::Conflict { conflicts, waited }));
            }
            task::sleep(left.min(if is_by_rules { SLOW_POLL } else { POLL })).await;
            if is_by_rules || self.seems_free(settings, claim).map_err(Unchanged)? {
                return Ok(());
            }
        }
    }

    fn seems_free(&self, settings: &Settings, claim: &Claim) -> Result<bool, Error> {
        let records = Records::open(&settings.state_dir)?;
        let is_owned = !decide(claim, records.others(claim)?).conflicts.is_empty();
        Ok(!is_owned && self.ahead(&records, claim).is_empty())
    }
}
