//! GC's part: what belongs to attachments of this network that are not valid any more goes.

use std::collections::BTreeSet;

use cni_wrapper::Attachment;

use crate::attach::owner;
use crate::backend::{Backend, Backends};
use crate::config::Cleanup;
use crate::detach::detach;
use crate::error::Error;
use crate::owner::{Holder, Owner};
use crate::state::State;

/// Goes on after an error; gives all of them.
pub async fn gc(
    network: &str,
    cleanup: &Cleanup,
    backends: &Backends,
    valid: &[Attachment],
) -> Vec<Error> {
    let mut errors = Vec::new();
    let mut found = BTreeSet::new();
    match in_state(cleanup) {
        Ok(owners) => found.extend(owners),
        Err(error) => errors.push(error),
    }
    match in_rules(cleanup, backends).await {
        Ok(owners) => found.extend(owners),
        Err(error) => errors.push(error),
    }
    let valid: BTreeSet<Owner> = valid.iter().map(owner).collect();
    // Names that are abbreviated in a tag are equal to their whole form: so it is asked by comparing owners.
    let is_ours = |found: &Owner| Owner { network: network.to_owned(), ..found.clone() } == *found;
    for owner in found.iter().filter(|found| is_ours(found) && !valid.contains(found)) {
        log::info!("removing what is left of {owner}");
        errors.extend(detach(owner, cleanup, backends).await.err());
    }
    errors
}

fn in_state(cleanup: &Cleanup) -> Result<Vec<Owner>, Error> {
    let Some(state) = State::open_existing(&cleanup.state_dir)? else { return Ok(Vec::new()) };
    let claims = state.list()?.into_iter().flatten().chain(state.list_begun()?);
    Ok(claims.map(|claim| claim.owner).collect())
}

/// Rules of the original port mapper do not tell their network: they are left for their own DEL.
async fn in_rules(cleanup: &Cleanup, backends: &Backends) -> Result<Vec<Owner>, Error> {
    let mut owners = Vec::new();
    for kind in backends.possible(cleanup.backend)? {
        for holding in backends.get(kind)?.holdings().await? {
            if let Holder::Attachment(owner) = holding.holder {
                owners.push(owner);
            }
        }
    }
    Ok(owners)
}
