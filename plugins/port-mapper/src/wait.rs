//! The wait of an ADD for host ports of other containers.
//!
//! Some runtimes, such as Mesos, start the next task before the DEL of the last one.

use std::time::Duration;

use async_std::task;

use crate::claim::Claim;
use crate::config::Settings;
use crate::conflict::Conflict;
use crate::error::AttachError::{self, Unchanged};
use crate::error::Error;
use crate::mappings::Mapping;
use crate::moment::Moment;
use crate::ownership::{Decision, decide};
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
    /// When the first conflict was found, and when the wait for its end is over.
    period: Option<[Moment; 2]>,
    ticket: Option<Ticket>,
    /// How the last conflicts were found.
    found_by: FoundBy,
}

/// How conflicts were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// By the claims of others, or in the queue.
    Records,
    /// By rules.
    Rules,
}

impl Wait {
    /// Returns a wait that has not begun.
    pub fn new(timeout: Duration) -> Self {
        Self { timeout, period: None, ticket: None, found_by: FoundBy::Records }
    }

    /// Returns the host ports of a claim for which others are served first. What the container has
    /// already, or what is on standby, is not given up to them.
    pub fn ahead(&self, records: &Records, claim: &Claim, standby: &[Mapping]) -> Vec<Conflict> {
        let mut ahead = Queue::new(&records.host).ahead(self.ticket.as_ref(), claim);
        if !ahead.is_empty() {
            let own = records.state.read_committed(&claim.owner).ok().flatten();
            let own = own.map(|own| own.all_mappings()).unwrap_or_default();
            let is_had = |mapping: &Mapping| standby.contains(mapping) || own.contains(mapping);
            ahead.retain(|conflict| !is_had(&conflict.mapping));
        }
        ahead
    }

    /// Checks that the container is not being deleted. The caller holds the lock.
    ///
    /// # Errors
    ///
    /// [`Error::Deleted`].
    pub fn check(&self) -> Result<(), Error> {
        match &self.ticket {
            Some(ticket) if ticket.is_cancelled() => Err(Error::Deleted),
            _ => Ok(()),
        }
    }

    fn left(&self) -> Duration {
        self.period.map_or(self.timeout, |[_, until]| until.since(Moment::now()))
    }

    /// Returns the error for conflicts, and enters the queue if there is time to wait. The caller
    /// holds the lock.
    pub fn refused(
        &mut self,
        records: &Records,
        claim: &Claim,
        conflicts: Vec<Conflict>,
        found_by: FoundBy,
    ) -> AttachError {
        let begun = || [Moment::now(), Moment::now().after(self.timeout)];
        let period = *self.period.get_or_insert_with(begun);
        self.found_by = found_by;
        if !self.left().is_zero() {
            let queued = match &mut self.ticket {
                Some(ticket) => ticket.extend(&conflicts),
                None => Queue::new(&records.host)
                    .enter(claim, period, &conflicts)
                    .map(|ticket| self.ticket = Some(ticket)),
            };
            if let Err(error) = queued {
                log::warn!("others may be served first: {error}");
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
        // Claims and the queue show without the lock whether it is worth taking it.
        let is_by_rules = self.found_by == FoundBy::Rules;
        loop {
            let left = self.left();
            if left.is_zero() {
                let waited = self.timeout;
                return Err(Unchanged(Error::Conflict { conflicts, waited }));
            }
            task::sleep(left.min(if is_by_rules { SLOW_POLL } else { POLL })).await;
            self.check().map_err(Unchanged)?;
            if is_by_rules || self.seems_free(settings, claim).map_err(Unchanged)? {
                return Ok(());
            }
        }
    }

    fn seems_free(&self, settings: &Settings, claim: &Claim) -> Result<bool, Error> {
        let records = Records::open(&settings.state_dir)?;
        let Decision { conflicts, standby, .. } = decide(claim, records.others(claim)?);
        Ok(conflicts.is_empty() && self.ahead(&records, claim, &standby).is_empty())
    }
}
