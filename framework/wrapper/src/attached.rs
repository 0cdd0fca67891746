//! Whether an attachment exists from an earlier ADD, which a failed ADD must leave alone.
//!
//! If a runtime repeats an ADD without a DEL, most delegates refuse it: the interface exists. The
//! container is attached all the same, and its address is in use. So before anything is changed,
//! each layer finds out whether the attachment exists, and a rollback asks here. If it exists in
//! another network namespace, the ADD is refused at once (`elsewhere.rs`).

use std::future::Future;

use serde_json::Value;

use crate::{call::Call, delegate::last_result, earlier_add::Interface, error::Error};

impl Call {
    /// Finds out for this layer whether the attachment exists. It must be called before the layer
    /// changes anything. `record` is whether the layer itself knows of an ADD that succeeded.
    ///
    /// The interface is proof enough unless plugins before this one have created it. Then the
    /// record decides, and a record without an interface is of an attachment that ended without a
    /// DEL.
    ///
    /// # Errors
    ///
    /// [`Error::AttachedElsewhere`], which the records of all layers can show; or another error of
    /// `record`, if that decides.
    pub(crate) async fn find_earlier_add(
        &self,
        record: impl Future<Output = Result<bool, Error>>,
    ) -> Result<bool, Error> {
        let earlier = self.earlier_add();
        if !earlier.is_known(self.depth()) {
            let recorded = match self.has_own_record() {
                Ok(_) => record.await,
                refused => refused,
            };
            if let Err(error @ Error::AttachedElsewhere { .. }) = recorded {
                earlier.note_elsewhere();
                return Err(error);
            }
            let exists = match self.own_interface() {
                Some(Interface::Exists) => true,
                Some(Interface::Missing) => false,
                Some(Interface::Unknown) => recorded?,
                None => recorded? && self.interface() != Interface::Missing,
            };
            earlier.record(self.depth(), exists);
        }
        Ok(self.has_earlier_add())
    }

    /// Returns whether the toolkit has a record of an earlier ADD of the attachment with delegates.
    ///
    /// # Errors
    ///
    /// [`Error::AttachedElsewhere`]: the record is of another namespace, which may exist.
    pub(crate) fn has_own_record(&self) -> Result<bool, Error> {
        if self.delegates().is_empty() {
            return Ok(false);
        }
        self.earlier_add().has_record(|| last_result::find_earlier_add(self))
    }

    /// Notes on DEL that a layer has a record of the attachment, before it removes that.
    pub(crate) fn note_record(&self, exists: bool) {
        self.earlier_add().record(self.depth(), exists);
    }

    /// Returns whether this layer or one outside of it found the attachment.
    pub(crate) fn has_earlier_add(&self) -> bool {
        self.earlier_add().exists(self.depth())
    }

    /// Returns whether a DEL has to leave everything alone: it undoes an ADD, and this layer's part
    /// of that had not begun or found the attachment.
    pub(crate) fn is_left_alone(&self) -> bool {
        let has_begun = self.earlier_add().is_known(self.depth());
        self.is_rollback() && (!has_begun || self.has_earlier_add())
    }

    /// Returns by what the attachment is known on a DEL, or `None` if no ADD can have succeeded.
    pub(crate) fn known_by(&self, has_last_result: bool) -> Option<&'static str> {
        if self.has_prev_result() {
            Some("prevResult is the result of its ADD")
        } else if has_last_result || self.has_earlier_add() {
            Some("this plugin has a record of its ADD")
        } else if self.interface() == Interface::Exists {
            Some("its interface exists")
        } else {
            None
        }
    }

    /// Returns whether the interface exists if only this ADD can create it: it is the first of its
    /// list.
    fn own_interface(&self) -> Option<Interface> {
        (!self.has_prev_result()).then(|| self.interface())
    }

    pub(crate) fn has_prev_result(&self) -> bool {
        match self.config.get("prevResult") {
            Some(Value::Object(object)) => !object.is_empty(),
            other => other.is_some_and(|value| !value.is_null()),
        }
    }

    fn interface(&self) -> Interface {
        self.earlier_add().interface(self.netns.as_deref(), &self.attachment.ifname)
    }
}
