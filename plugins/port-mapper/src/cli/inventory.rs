//! All owners of host ports that the commands see: those of claims, and those of rules without one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cni_wrapper::Environment;
use serde_json::{Value, json};

use super::Options;
use crate::backend::{Backend, Backends, OwnedPorts};
use crate::claim::Claim;
use crate::error::Error;
use crate::host::ports::PortIndex;
use crate::host::record::HostRecord;
use crate::ordered;
use crate::owner::{Owner, RuleTag};
use crate::ownership::Recorded;
use crate::queue::{Queue, Waiting};
use crate::records::claims_in;
use crate::state::State;

/// What is known about host ports.
pub(super) struct Inventory {
    /// The claims in the state directory, also those without mappings, and those with mappings in
    /// other state directories. Those that are not committed are of ADDs and DELs that are running
    /// or were killed.
    pub(super) claims: Vec<Recorded>,
    /// The rules of owners that have no claim: of Mesos's original port mapper, or of a container
    /// whose claim was lost.
    pub(super) unrecorded: Vec<OwnedPorts>,
    /// The ADDs that wait for a host port, in the order in which they are served.
    pub(super) waiting: Vec<Waiting>,
    /// Why something could not be read.
    pub(super) errors: Vec<Error>,
}

impl Inventory {
    /// Reads the claims and the rules.
    ///
    /// # Errors
    ///
    /// The state directory can't be read.
    pub(super) async fn read(options: &Options) -> Result<Self, Error> {
        let mut inventory = Self::of_claims(options)?;
        let known = ordered::set(inventory.claims.iter().map(|other| other.claim.owner.tag()));
        match unrecorded(options, &known).await {
            Ok(unrecorded) => inventory.unrecorded = unrecorded,
            Err(error) => inventory.errors.push(error),
        }
        Ok(inventory)
    }

    /// Reads the claims only.
    ///
    /// # Errors
    ///
    /// The state directory can't be read.
    pub(super) fn of_claims(options: &Options) -> Result<Self, Error> {
        let mut inventory = Self {
            claims: Vec::new(),
            unrecorded: Vec::new(),
            waiting: Vec::new(),
            errors: Vec::new(),
        };
        inventory.read_directory(&options.state_dir)?;
        if let Err(error) = inventory.read_host(&options.state_dir) {
            inventory.errors.push(error);
        }
        Ok(inventory)
    }

    fn read_directory(&mut self, state_dir: &Path) -> Result<(), Error> {
        let Some(state) = State::open_existing(state_dir)? else { return Ok(()) };
        for claim in state.list()? {
            match claim {
                Ok(claim) => self.claims.push(recorded(claim, true, state_dir)),
                Err(error) => self.errors.push(error),
            }
        }
        let prepared = state.list_prepared()?.into_iter();
        self.claims.extend(prepared.map(|claim| recorded(claim, false, state_dir)));
        Ok(())
    }

    /// Reads the record of this host: who waits for a host port, and the claims of other state
    /// directories that the index of host ports leads to.
    fn read_host(&mut self, state_dir: &Path) -> Result<(), Error> {
        let Some(host) = HostRecord::open_existing(state_dir)? else { return Ok(()) };
        self.waiting = Queue::new(&host).waiting().collect();
        let own = fs::canonicalize(state_dir).ok();
        for file in PortIndex::new(&host).all_files()? {
            let directory = file.parent().and_then(|directory| fs::canonicalize(directory).ok());
            if directory.is_some() && directory == own {
                continue;
            }
            match claims_in(&file) {
                Ok(claims) => self.claims.extend(claims),
                Err(error) => self.errors.push(error),
            }
        }
        Ok(())
    }
}

fn recorded(claim: Claim, is_committed: bool, state_dir: &Path) -> Recorded {
    let liveness = claim.liveness();
    Recorded { claim, liveness, is_committed, state_dir: state_dir.to_owned() }
}

async fn unrecorded(options: &Options, known: &BTreeSet<String>) -> Result<Vec<OwnedPorts>, Error> {
    let backends = Backends::new((&Environment::current()).into(), options.lock_timeout);
    let mut unrecorded = Vec::new();
    for kind in backends.possible(None).await? {
        unrecorded.extend(backends.get(kind)?.owned_ports().await?);
    }
    unrecorded.retain(|owned| !known.contains(&owned.owner.tag()));
    Ok(unrecorded)
}

/// Returns an owner as an object. The original's rules show only the container's id: then the other
/// fields are `null`.
pub(super) fn owner_json(owner: &Owner) -> Value {
    match owner {
        Owner::Attachment(attachment) => json!(attachment),
        Owner::OriginalPlugin { container_id } => {
            json!({"network": null, "containerId": container_id, "ifname": null})
        }
    }
}
