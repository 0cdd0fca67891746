//! GC: own part and inner part both run, and all their errors are reported.

use serde::Deserialize;
use serde_json::Value;

use crate::{Attachment, Call, Error, Middleware};

use super::{Prepared, Wrapped, guard::hook};

pub(super) async fn gc<M: Middleware>(layer: &Wrapped<M>, call: &Call) -> Result<(), Error> {
    let Prepared { config, inner_call } = layer.prepare(call)?;
    // A list that can't be read is not handed on either: a delegate might take it for an empty one.
    let valid = valid_attachments(call)?;
    let mut errors = Vec::new();
    // Own rules before the addresses that they point at, as on DEL.
    match valid {
        Some(valid) => {
            errors.extend(hook("gc", layer.middleware.gc(call, &config, &valid)).await.err());
        }
        None => log::info!("no list of valid attachments: nothing is removed"),
    }
    errors.extend(layer.inner.gc(&inner_call).await.err());
    Error::several(errors).map_or(Ok(()), Err)
}

/// The name in the specification's current text, then the one that the text of 1.1.0 had. libcni sends both.
const KEYS: [&str; 2] = ["cni.dev/valid-attachments", "cni.dev/attachments"];

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "containerID")]
    container_id: String,
    ifname: String,
}

/// The attachments of this network that are still valid; `None` when the runtime does not say.
///
/// # Errors
///
/// Code 7 when the list can't be read: then nothing may be removed.
fn valid_attachments(call: &Call) -> Result<Option<Vec<Attachment>>, Error> {
    let found = KEYS.into_iter().find_map(|key| match call.config.get(key) {
        None | Some(Value::Null) => None,
        Some(list) => Some((key, list)),
    });
    let Some((key, list)) = found else { return Ok(None) };
    let listed = Vec::<Listed>::deserialize(list).map_err(|error| {
        Error::config(
            key,
            format!("{error}; a list of {{\"containerID\": …, \"ifname\": …}} is expected"),
        )
    })?;
    let attachment = |Listed { container_id, ifname }| Attachment {
        network: call.attachment.network.clone(),
        container_id,
        ifname,
    };
    Ok(Some(listed.into_iter().map(attachment).collect()))
}
