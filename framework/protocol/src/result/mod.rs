//! The result of ADD: the whole document as it came, with typed views on top of it.
//!
//! There are three forms, and conversion between any two of the versions:
//!
//! | form | versions | addresses stand in |
//! |---|---|---|
//! | `Form::Slots` | 0.1.0, 0.2.0 | `ip4` and `ip6`, one each, with their routes |
//! | `Form::Tagged` | 0.3.0, 0.3.1, 0.4.0 | `ips`, each with its `version` |
//! | `Form::Plain` | 1.0.0, 1.1.0 | `ips` |

mod address;
mod check;
mod convert;
mod edit;
mod error;
mod form;
mod view;

use serde_json::Value;

use crate::{
    json::{self, Object},
    version::SpecVersion,
};

pub use error::ResultError;
use form::Form;
pub use view::{Dns, Interface, IpConfig, Route};

/// Four thousand addresses, or routes, are as many. A result is copied on its way where a configuration is not.
const MOST_VALUES: usize = 1 << 14;

/// A result of ADD in one version of the specification.
///
/// What is not known here is kept: unknown keys, the order of keys, the digits of numbers (though `1e3` is printed as
/// `1e+3`), the text of addresses. As long as nobody changes it, even its bytes stay the same.
#[derive(Clone, Debug)]
pub struct AddResult {
    version: SpecVersion,
    /// Always has `cniVersion`, unless somebody took it out by way of [`AddResult::document_mut`].
    document: Object,
    /// The text that it was read from, while it still says the same as `document`.
    raw: Option<Vec<u8>>,
}

impl AddResult {
    /// Reads what a plugin printed; `told` is the version that the plugin was asked in, which counts when the
    /// result itself names none (no `cniVersion`, `null`, or the empty string).
    ///
    /// Where a key stands twice, the last one counts, as it does for libcni.
    ///
    /// # Errors
    ///
    /// When it is not exactly one JSON object (white space around it is allowed), when the version is not
    /// known, and when a member that the version knows has the wrong type; the error names the key.
    pub fn parse(bytes: &[u8], told: SpecVersion) -> Result<Self, ResultError> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(ResultError::Nothing);
        }
        let value: Value = json::read(bytes).map_err(ResultError::Json)?;
        let says_version = value.get("cniVersion").is_some_and(|version| !form::is_blank(version));
        let mut result = Self::from_value(value, told)?;
        // A result has to say its version, so one that says none can't go out as it came.
        result.raw = says_version.then(|| bytes.to_vec());
        Ok(result)
    }

    /// The same for JSON that has been read already, such as a `prevResult`.
    ///
    /// # Errors
    ///
    /// As for [`AddResult::parse`].
    pub fn from_value(value: Value, told: SpecVersion) -> Result<Self, ResultError> {
        Self::check_size(&value)?;
        let mut document = match value {
            Value::Object(document) => document,
            Value::Null => return Err(ResultError::Null),
            other => return Err(ResultError::NotAnObject(json::kind(&other))),
        };
        let version = read_version(&document, told)?;
        check::check(&document, version)?;
        set_version(&mut document, version);
        Ok(Self { version, document, raw: None })
    }

    /// Whether it is short enough to be copied, before it is.
    pub(crate) fn check_size(value: &Value) -> Result<(), ResultError> {
        match json::count(value) {
            ..=MOST_VALUES => Ok(()),
            _ => Err(ResultError::TooMuch { most: MOST_VALUES }),
        }
    }

    /// A result that says nothing but its version.
    pub fn empty(version: SpecVersion) -> Self {
        let mut document = Object::new();
        set_version(&mut document, version);
        Self { version, document, raw: None }
    }

    /// The version that it is written in.
    pub const fn version(&self) -> SpecVersion {
        self.version
    }

    /// The whole document, in the form of [`AddResult::version`].
    pub const fn document(&self) -> &Object {
        &self.document
    }

    /// The whole document, to change it: for members that the views and the editing methods do not know.
    ///
    /// It has to stay in the form of [`AddResult::version`], and `cniVersion` is written as that version
    /// whatever is put there. Take members out with `shift_remove`: `remove` disturbs the order of the others.
    pub fn document_mut(&mut self) -> &mut Object {
        self.raw = None;
        &mut self.document
    }

    /// What goes to stdout: one document that ends in a newline.
    ///
    /// The very bytes that were read (and a newline, if there was none) when nothing was changed, else
    /// compact JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.raw.clone().unwrap_or_else(|| {
            let mut document = self.document.clone();
            set_version(&mut document, self.version);
            Value::Object(document).to_string().into_bytes()
        });
        if bytes.last() != Some(&b'\n') {
            bytes.push(b'\n');
        }
        bytes
    }
}

fn read_version(document: &Object, told: SpecVersion) -> Result<SpecVersion, ResultError> {
    match document.get("cniVersion") {
        None => Ok(told),
        Some(blank) if form::is_blank(blank) => Ok(told),
        Some(Value::String(text)) => text.parse().map_err(ResultError::UnknownVersion),
        Some(other) => Err(ResultError::wrong_type("cniVersion", "a string", other)),
    }
}

/// Where the key stands already it keeps its place, else it comes first.
fn set_version(document: &mut Object, version: SpecVersion) {
    let text = Value::from(version.as_str());
    match document.get_mut("cniVersion") {
        Some(value) => *value = text,
        None => drop(document.shift_insert(0, "cniVersion".to_owned(), text)),
    }
}
