//! The document of a result.

use serde_json::Value;

use super::{check, error::ResultError, layout};
use crate::{
    json::{self, Object},
    version::SpecVersion,
};

/// About four thousand addresses or routes. A result is copied on its way, unlike a configuration.
const MOST_VALUES: usize = 1 << 14;

/// A result of ADD in one version of the specification.
///
/// Nothing is lost: unknown keys, the order of keys, the digits of numbers (though `1e3` is printed
/// as `1e+3`) and the text of addresses are kept. A result that is not changed keeps its very
/// bytes.
#[derive(Clone, Debug)]
pub struct AddResult {
    pub(super) version: SpecVersion,
    /// Always has `cniVersion`, unless it was removed through [`AddResult::document_mut`].
    pub(super) document: Object,
    /// The text that it was parsed from, as long as `document` is unchanged.
    pub(super) raw: Option<Vec<u8>>,
}

impl AddResult {
    /// Parses what a plugin printed.
    ///
    /// `requested` is the version of the plugin's configuration. It counts if the result itself has
    /// no version (no `cniVersion`, `null`, or the empty string). If a key occurs twice, the last
    /// one counts, as it does for libcni.
    ///
    /// # Errors
    ///
    /// It is not exactly one JSON object (white space around it is allowed), the version is not
    /// known, or a member that the version defines has the wrong type; the error names the key.
    pub fn parse(bytes: &[u8], requested: SpecVersion) -> Result<Self, ResultError> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(ResultError::Nothing);
        }
        let value: Value = json::read(bytes).map_err(ResultError::Json)?;
        let has_version = value.get("cniVersion").is_some_and(|version| !layout::is_blank(version));
        let mut result = Self::from_value(value, requested)?;
        // A result must contain its version, so one that does not is not printed as it was read.
        result.raw = has_version.then(|| bytes.to_vec());
        Ok(result)
    }

    /// Reads a result that is parsed JSON already, such as a `prevResult`.
    ///
    /// # Errors
    ///
    /// As for [`AddResult::parse`].
    pub fn from_value(value: Value, requested: SpecVersion) -> Result<Self, ResultError> {
        Self::check_size(&value)?;
        let mut document = match value {
            Value::Object(document) => document,
            Value::Null => return Err(ResultError::Null),
            other => return Err(ResultError::NotAnObject(json::kind(&other))),
        };
        let version = read_version(&document, requested)?;
        check::check(&document, version)?;
        set_version(&mut document, version);
        Ok(Self { version, document, raw: None })
    }

    /// Checks that a value is small enough to be copied, before it is.
    pub(crate) fn check_size(value: &Value) -> Result<(), ResultError> {
        match json::count(value) {
            ..=MOST_VALUES => Ok(()),
            _ => Err(ResultError::TooMuch { most: MOST_VALUES }),
        }
    }

    /// Returns a result with nothing but its version.
    pub fn empty(version: SpecVersion) -> Self {
        let mut document = Object::new();
        set_version(&mut document, version);
        Self { version, document, raw: None }
    }

    /// Returns the version of the result.
    pub const fn version(&self) -> SpecVersion {
        self.version
    }

    /// Returns the whole document, in the layout of [`AddResult::version`].
    pub const fn document(&self) -> &Object {
        &self.document
    }

    /// Returns the whole document, to change members for which there is no method.
    ///
    /// It must stay in the layout of [`AddResult::version`]; `cniVersion` is always printed as that
    /// version. Remove members with `shift_remove`: `remove` changes the order of the others.
    pub fn document_mut(&mut self) -> &mut Object {
        self.raw = None;
        &mut self.document
    }

    /// Returns the document for stdout, with a newline at its end.
    ///
    /// If nothing was changed, these are the bytes that were parsed. Otherwise it is compact JSON.
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

fn read_version(document: &Object, requested: SpecVersion) -> Result<SpecVersion, ResultError> {
    match document.get("cniVersion") {
        None => Ok(requested),
        Some(blank) if layout::is_blank(blank) => Ok(requested),
        Some(Value::String(text)) => text.parse().map_err(ResultError::UnknownVersion),
        Some(other) => Err(ResultError::wrong_type("cniVersion", "a string", other)),
    }
}

/// An existing key keeps its place, a new one becomes the first.
pub(super) fn set_version(document: &mut Object, version: SpecVersion) {
    let text = Value::from(version.as_str());
    match document.get_mut("cniVersion") {
        Some(value) => *value = text,
        None => drop(document.shift_insert(0, "cniVersion".to_owned(), text)),
    }
}
