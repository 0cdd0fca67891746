//! Sets, maps and their elements.

use std::fmt;

use crate::nftables::data::{DataType, Key, Value, concatenation};

/// A named set or map.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Set {
    /// The name, unique among the sets and maps of the table.
    pub name: String,
    /// The types of the key's fields.
    pub key: Vec<DataType>,
    /// The type of values.
    pub value: ValueType,
    /// Whether keys are intervals. Those of several fields require Linux 5.6. A link's name alone
    /// can't be an interval.
    pub interval: bool,
    /// The comment, at most 128 bytes.
    pub comment: Option<String>,
}

/// The type of the values of a set or map.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueType {
    /// No values: a set.
    None,
    /// Data: a map.
    Data(Vec<DataType>),
    /// Verdicts: a verdict map.
    Verdict,
}

/// An element of a set or a map.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Element {
    /// The name of the set or map.
    pub set: String,
    /// The key.
    pub key: Key,
    /// The value; `None` in a set, and for a verdict that [`Verdict`](crate::nftables::Verdict)
    /// can't represent.
    pub value: Option<Value>,
    /// The comment, for example to identify the element; at most 128 bytes.
    pub comment: Option<String>,
}

impl Set {
    /// Returns a set, or a map where `value` is not [`ValueType::None`], whose keys are points.
    pub fn new(name: impl Into<String>, key: impl Into<Vec<DataType>>, value: ValueType) -> Self {
        let (name, key) = (name.into(), key.into());
        Self { name, key, value, interval: false, comment: None }
    }

    /// Makes the keys intervals.
    pub fn with_intervals(self) -> Self {
        Self { interval: true, ..self }
    }

    /// Sets the comment.
    pub fn with_comment(self, comment: impl Into<String>) -> Self {
        Self { comment: Some(comment.into()), ..self }
    }

    /// Reports whether keys are intervals of one field, which the kernel stores as two elements:
    /// the first value, and the first one after the interval.
    pub(super) fn has_ends(&self) -> bool {
        self.interval && self.key.len() == 1
    }

    /// Reports whether elements have values.
    pub fn is_map(&self) -> bool {
        self.value != ValueType::None
    }

    /// Returns nft's keyword: `set` or `map`.
    pub fn noun(&self) -> &'static str {
        if self.is_map() { "map" } else { "set" }
    }
}

/// Writes what nft has inside braces: `type inet_proto . inet_service : verdict; flags interval;`.
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("type ")?;
        concatenation(f, &self.key)?;
        match &self.value {
            ValueType::None => {}
            ValueType::Data(types) => {
                f.write_str(" : ")?;
                concatenation(f, types)?;
            }
            ValueType::Verdict => f.write_str(" : verdict")?,
        }
        f.write_str(";")?;
        if self.interval {
            f.write_str(" flags interval;")?;
        }
        self.comment.as_ref().map_or(Ok(()), |comment| write!(f, " comment \"{comment}\";"))
    }
}

/// Writes what nft has inside braces: `tcp . 8080 comment "web" : 10.0.0.2 . 80`.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)?;
        if let Some(comment) = &self.comment {
            write!(f, " comment \"{comment}\"")?;
        }
        self.value.as_ref().map_or(Ok(()), |value| write!(f, " : {value}"))
    }
}
