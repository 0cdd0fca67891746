//! GC: removes everything of attachments of a network that are no longer valid.

use std::collections::BTreeMap;

use cni_wrapper::Attachment;

use crate::backend::{Backend, Backends};
use crate::config::Cleanup;
use crate::detach::detach;
use crate::error::Error;
use crate::guard;
use crate::owner::{Owner, RuleTag};
use crate::state::State;
use crate::unknown_claims;
use crate::without_state::is_refused;

/// Removes all attachments of the network that are not valid. Continues after an error, and returns
/// all errors.
pub async fn gc(
    network: &str,
    cleanup: &Cleanup,
    backends: &Backends,
    valid: &[Attachment],
) -> Vec<Error> {
    let mut errors = Vec::new();
    // By tag, since names that were read from a tag may be abbreviated. Those of the state are
    // whole and come first.
    let mut found = BTreeMap::new();
    for attachments in [in_state(cleanup), in_rules(backends).await] {
        match attachments {
            Ok(attachments) => attachments.into_iter().for_each(|attachment| {
                found.entry(attachment.tag()).or_insert(attachment);
            }),
            Err(error) => errors.push(error),
        }
    }
    found.retain(|tag, attachment| {
        let in_network = Attachment { network: network.to_owned(), ..attachment.clone() };
        in_network.tag() == *tag
    });
    valid.iter().for_each(|valid| drop(found.remove(&valid.tag())));
    for attachment in found.values() {
        log::info!("removing the mappings of {}, which is not valid", Owner::from(attachment));
        errors.extend(detach(attachment, cleanup, backends).await.err());
    }
    if let Err(error) = unknown_claims::enter(&cleanup.state_dir, cleanup.lock_timeout).await {
        log::warn!("other networks may not know of the host ports of this one: {error}");
    }
    guard::ensure(cleanup, backends).await;
    errors
}

fn in_state(cleanup: &Cleanup) -> Result<Vec<Attachment>, Error> {
    let state = match State::open_existing(&cleanup.state_dir) {
        Err(error) if is_refused(&error) => return Ok(Vec::new()),
        state => state?,
    };
    let Some(state) = state else { return Ok(Vec::new()) };
    let claims = state.list()?.into_iter().flatten().chain(state.list_prepared()?);
    Ok(claims.map(|claim| claim.owner).collect())
}

/// Rules of the original port mapper do not contain their network: their own DEL removes them.
async fn in_rules(backends: &Backends) -> Result<Vec<Attachment>, Error> {
    let mut attachments = Vec::new();
    for kind in backends.possible(None).await? {
        for owned in backends.get(kind)?.owned_ports().await? {
            if let Owner::Attachment(attachment) = owned.owner {
                attachments.push(attachment);
            }
        }
    }
    Ok(attachments)
}
