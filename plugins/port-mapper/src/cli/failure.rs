//! What failed, in the JSON of a command: an object with `code` and `msg`, as in an error of CNI.

use serde_json::{Value, json};

use super::inventory::owner_json;
use crate::error::Error;
use crate::owner::Owner;

/// The code of a wrong command line. The specification has it for wrong variables of a call.
pub(super) const USAGE: u32 = 4;
/// The code for a container that is not known.
pub(super) const UNKNOWN_CONTAINER: u32 = 3;
/// The code of what may succeed if it is repeated.
pub(super) const TRY_AGAIN: u32 = 11;
/// The code of a bug, as the toolkit uses it.
pub(super) const BUG: u32 = 999;

/// An error of a command, or of one of the containers that it is about.
#[derive(Debug)]
pub(super) struct Failure {
    code: u32,
    msg: String,
    owner: Option<Owner>,
}

impl Failure {
    /// Returns a failure of the whole command.
    pub(super) fn new(code: u32, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into(), owner: None }
    }

    /// Returns the same failure, of one owner of host ports.
    pub(super) fn of(self, owner: Owner) -> Self {
        Self { owner: Some(owner), ..self }
    }

    /// Returns the message.
    pub(super) fn msg(&self) -> &str {
        &self.msg
    }

    /// Returns the text for people: the message, after the owner if there is one.
    pub(super) fn text(&self) -> String {
        match &self.owner {
            Some(owner) => format!("{owner}: {}", self.msg),
            None => self.msg.clone(),
        }
    }

    /// Returns the object for programs. Its `owner` is `null` if the error concerns no single one.
    pub(super) fn json(&self) -> Value {
        let owner = self.owner.as_ref().map(owner_json);
        json!({"code": self.code, "msg": self.msg, "owner": owner})
    }
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self::new(error.code(), error.for_people())
    }
}
