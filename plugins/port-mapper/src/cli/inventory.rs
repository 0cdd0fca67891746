//! All owners of host ports that the commands see: those of claims, and those of rules without one.

use std::collections::BTreeSet;

use cni_wrapper::Environment;
use serde_json::{Value, json};

use super::Options;
use crate::backend::{Backend, Backends, OwnedPorts};
use crate::claim::Claim;
use crate::error::Error;
use crate::liveness::Liveness;
use crate::owner::{Owner, RuleTag};
use crate::state::State;

/// What is known about host ports.
pub(super) struct Inventory {
    /// The committed claims with mappings.
    pub(super) claims: Vec<(Claim, Liveness)>,
    /// The claims of ADDs and DELs that are running or were killed.
    pub(super) prepared: Vec<(Claim, Liveness)>,
    /// The rules of owners that have no claim: of Mesos's original port mapper, of another state
    /// directory, or of a container whose claim was lost.
    pub(super) unrecorded: Vec<OwnedPorts>,
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
        let (mut listed, mut prepared) = (Vec::new(), Vec::new());
        if let Some(state) = State::open_existing(&options.state_dir)? {
            (listed, prepared) = (state.list()?, state.list_prepared()?);
        }
        let mut errors = Vec::new();
        let claims = listed.into_iter().filter_map(|claim| claim.map_err(|e| errors.push(e)).ok());
        let judged = |claim: Claim| {
            let liveness = Liveness::of(&claim);
            (claim, liveness)
        };
        let claims: Vec<_> = claims.map(judged).collect();
        let prepared: Vec<_> = prepared.into_iter().map(judged).collect();
        let known = claims.iter().chain(&prepared).map(|(claim, _)| claim.owner.tag()).collect();
        let unrecorded = unrecorded(options, &known).await.unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        Ok(Self { claims, prepared, unrecorded, errors })
    }
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

/// Returns an owner as an object: an attachment, or only the container's id.
pub(super) fn owner_json(owner: &Owner) -> Value {
    match owner {
        Owner::Attachment(attachment) => json!(attachment),
        Owner::OriginalPlugin { container_id } => json!({ "containerId": container_id }),
    }
}
