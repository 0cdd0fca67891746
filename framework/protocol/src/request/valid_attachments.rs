//! Which attachments are still in use, as the runtime lists them on GC.

use serde::Deserialize;
use serde_json::Value;

use super::Request;
use crate::{attachment::Attachment, error::RequestError};

/// The key in the current text of the specification, then that of 1.1.0. libcni passes both.
const KEYS: [&str; 2] = ["cni.dev/valid-attachments", "cni.dev/attachments"];

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "containerID")]
    container_id: String,
    ifname: String,
}

impl Request {
    /// Returns the attachments of this network that are still valid.
    ///
    /// `None` means that the runtime passed no list, which is not the same as an empty one.
    ///
    /// # Errors
    ///
    /// Code 7 if the list can't be read: then nothing may be removed.
    pub fn valid_attachments(&self) -> Result<Option<Vec<Attachment>>, RequestError> {
        let found = KEYS.into_iter().find_map(|key| match self.config.get(key) {
            None | Some(Value::Null) => None,
            Some(list) => Some((key, list)),
        });
        let Some((key, list)) = found else { return Ok(None) };
        let listed = Vec::<Listed>::deserialize(list).map_err(|error| {
            RequestError::config(
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
