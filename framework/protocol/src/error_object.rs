//! The error object on stdout (specification, section 5, Error).

use serde_json::Value;

use crate::{
    json::{self, Object},
    version::SpecVersion,
};

/// An error as a plugin prints it.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ErrorObject {
    /// The code: 1 to 99 are defined by the specification, 100 and up by the plugin.
    pub code: u32,
    /// The message, one sentence.
    pub msg: String,
    /// Details, if there are any.
    pub details: Option<String>,
    /// Keys that the specification does not have, unchanged.
    pub other: Object,
}

impl ErrorObject {
    /// Returns an error with this code and message.
    pub fn new(code: u32, msg: impl Into<String>) -> Self {
        Self { code, msg: msg.into(), ..Self::default() }
    }

    /// Reads an object that a plugin printed. Returns `None` if it is not an error.
    ///
    /// An error has a `code` or a `msg`. As lenient as Go's library: a missing `msg` counts as
    /// empty, and of a negative code the absolute value counts. A code that is not a number from
    /// -2147483647 to 4294967295 counts as 0, since no reader of 32 bits could take it over, and is
    /// added to the details.
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
        let details = document.get("details").and_then(details_text);
        let readable = code.map(readable_code);
        Some(Self {
            code: readable.flatten().unwrap_or(0),
            msg: msg.unwrap_or_default().to_owned(),
            details: match (readable, code) {
                (Some(None), Some(code)) => Some(with_code(details, code)),
                _ => details,
            },
            other,
        })
    }

    /// Returns the document for stdout. It always has a `cniVersion`.
    pub fn to_document(&self, version: SpecVersion) -> Object {
        let mut document = Object::new();
        document.insert("cniVersion".to_owned(), version.as_str().into());
        document.insert("code".to_owned(), self.code.into());
        document.insert("msg".to_owned(), self.msg.as_str().into());
        if let Some(details) = &self.details {
            document.insert("details".to_owned(), details.as_str().into());
        }
        for (key, value) in &self.other {
            document.entry(key).or_insert_with(|| value.clone());
        }
        document
    }
}

fn readable_code(code: &Value) -> Option<u32> {
    let code = code.as_i64()?;
    match u32::try_from(code) {
        Ok(code) => Some(code),
        Err(_) => i32::try_from(code).ok()?.checked_abs().map(i32::cast_unsigned),
    }
}

/// Returns the details with a code that the object can't have.
fn with_code(details: Option<String>, code: &Value) -> String {
    let code = format!("its code is {}, which is out of range", json::shown(code));
    match details {
        Some(details) => format!("{details}; {code}"),
        None => code,
    }
}

/// Details are text; any other value is given as its JSON text.
fn details_text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}
