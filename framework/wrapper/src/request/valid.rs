//! Which attachments a runtime still has, as it says on GC.

use serde::Deserialize;
use serde_json::Value;

use super::{Attachment, Request};
use crate::Error;

/// The name in the specification's current text, then the one that the text of 1.1.0 had. libcni sends both.
const KEYS: [&str; 2] = ["cni.dev/valid-attachments", "cni.dev/attachments"];

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "containerID")]
    container_id: String,
    ifname: String,
}

impl Request {
    /// The attachments of this network that are still valid; `None` when the runtime does not say.
    ///
    /// # Errors
    ///
    /// Code 7 when the list can't be read: then nothing may be removed.
    pub fn valid_attachments(&self) -> Result<Option<Vec<Attachment>>, Error> {
        let found = KEYS.into_iter().find_map(|key| match self.config.get(key) {
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
            network: self.attachment.network.clone(),
            container_id,
            ifname,
        };
        Ok(Some(listed.into_iter().map(attachment).collect()))
    }
}
