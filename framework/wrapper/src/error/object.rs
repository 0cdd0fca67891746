//! The error object on stdout (specification, section 5, Error).

use cni_plugin::reply::ErrorReply;
use serde_json::Value;

use crate::{Object, SpecVersion};

use super::{Error, code};

/// An error as it stands on the wire, a delegate's or our own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ErrorObject {
    /// 1 to 99 belong to the specification, 100 and up to the plugin.
    pub code: u32,
    /// One sentence.
    pub msg: String,
    /// More, if there is more.
    pub details: Option<String>,
    /// Keys beyond those of the specification, kept as they came.
    pub other: Object,
}

impl From<&Error> for ErrorObject {
    fn from(error: &Error) -> Self {
        Self {
            code: code(error),
            msg: error.to_string(),
            details: details(error),
            other: passed_on(error),
        }
    }
}

impl ErrorObject {
    /// Reads an object that a delegate printed; `None` when it is none: an error has a `code` and a `msg`.
    ///
    /// Lenient where Go's library is: a code that is no number in range counts as 0, and so does -2147483648, which has no positive
    /// counterpart; a missing `msg` counts as empty; as long as one of the two is there.
    pub fn read(document: &Object) -> Option<Self> {
        let code = document.get("code");
        let msg = document.get("msg").and_then(Value::as_str);
        if code.is_none() && msg.is_none() {
            return None;
        }
        let mut other = document.clone();
        for known in ["cniVersion", "code", "msg", "details"] {
            other.shift_remove(known);
        }
        Some(Self {
            code: code
                .and_then(Value::as_i64)
                .and_then(|code| i32::try_from(code).ok()?.checked_abs())
                .map_or(0, i32::cast_unsigned),
            msg: msg.unwrap_or_default().to_owned(),
            details: document.get("details").and_then(details_text),
            other,
        })
    }

    /// The document for stdout. It always has a `cniVersion`.
    pub fn to_document(&self, version: SpecVersion) -> Object {
        let mut document = self.standard_members(version);
        if self.details.is_none() {
            document.shift_remove("details");
        }
        for (key, value) in &self.other {
            document.entry(key).or_insert_with(|| value.clone());
        }
        document
    }

    fn standard_members(&self, version: SpecVersion) -> Object {
        let (Ok(cni_version), Ok(code)) = (version.as_str().parse(), i32::try_from(self.code))
        else {
            unreachable!("versions are semantic, and no code beyond i32 is read or made")
        };
        let reply = ErrorReply {
            cni_version,
            code,
            msg: &self.msg,
            details: self.details.clone().unwrap_or_default(),
        };
        match serde_json::to_value(reply) {
            Ok(Value::Object(members)) => members,
            _ => unreachable!("an error reply is an object of strings and a number"),
        }
    }
}

/// Details are text; anything else is shown as the JSON that it is.
fn details_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

fn details(error: &Error) -> Option<String> {
    match error {
        Error::Delegate(delegate) => Some(delegate.details()),
        Error::Plugin { details, .. } => details.clone(),
        Error::CleanupFailed { source } => details(source),
        Error::Several { each } => join(each.iter().filter_map(details)),
        Error::RollbackTrouble { first, trouble } => {
            join(details(first).into_iter().chain(trouble.iter().cloned()))
        }
        _ => None,
    }
}

fn join(parts: impl Iterator<Item = String>) -> Option<String> {
    let text = parts.collect::<Vec<_>>().join("; ");
    (!text.is_empty()).then_some(text)
}

fn passed_on(error: &Error) -> Object {
    match error {
        Error::Delegate(delegate) => match &delegate.failure {
            super::DelegateFailure::Answered(object) => object.other.clone(),
            _ => Object::new(),
        },
        Error::RollbackTrouble { first, .. } => passed_on(first),
        _ => Object::new(),
    }
}
