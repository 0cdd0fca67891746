//! The GC of an attachment store.

use cni_protocol::Attachment;
use serde::de::DeserializeOwned;

use super::attachment_store::AttachmentStore;
use crate::error::Error;

impl<T: DeserializeOwned> AttachmentStore<T> {
    /// Removes the values of all attachments of a network that are not in `valid`: the whole GC of
    /// a plugin that creates nothing but these values.
    ///
    /// # Errors
    ///
    /// All that could not be removed; the others are removed.
    pub fn collect(&self, network: &str, valid: &[Attachment]) -> Result<(), Error> {
        self.collect_with(network, valid, |_, _| Ok(()))
    }

    /// Removes the same values, each after `undo` has removed what it describes. A value whose
    /// `undo` fails is kept for the next GC.
    ///
    /// # Errors
    ///
    /// All errors, after everything that could be removed was removed.
    pub fn collect_with(
        &self,
        network: &str,
        valid: &[Attachment],
        mut undo: impl FnMut(&Attachment, &T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let stored = self.of_network(network)?;
        let invalid = stored.iter().filter(|(attachment, _)| !valid.contains(attachment));
        let removed = invalid.map(|(attachment, value)| {
            undo(attachment, value).and_then(|()| Ok(self.remove(attachment)?))
        });
        Error::combine(removed.filter_map(Result::err).collect())
    }
}
