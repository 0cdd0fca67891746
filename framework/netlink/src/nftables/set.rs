//! Sets, maps and their elements.

use std::fmt;

use crate::nftables::data::{DataType, Key, Value, concatenation};

/// A named set or map.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Set {
    /// Its name, unique within the table among sets and maps.
    pub name: String,
    /// The types of a key's fields.
    pub key: Vec<DataType>,
    /// What a key leads to.
    pub value: ValueType,
    /// Whether keys are intervals. Needs a key of at least two fields, and Linux 5.6.
    pub interval: bool,
    /// For people; at most 128 bytes.
    pub comment: Option<String>,
}

/// What a key leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ValueType {
    /// Nothing: a set.
    None,
    /// Data: a map.
    Data(Vec<DataType>),
    /// What becomes of the packet: a verdict map.
    Verdict,
}

/// An element of a set or a map.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Element {
    /// In which.
    pub set: String,
    /// What it is found by.
    pub key: Key,
    /// What it leads to; `None` in a set, and for a verdict that [`Verdict`](crate::nftables::Verdict) cannot tell.
    pub value: Option<Value>,
    /// For people, or to know it again; at most 128 bytes.
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

    /// Adds a comment.
    pub fn with_comment(self, comment: impl Into<String>) -> Self {
        Self { comment: Some(comment.into()), ..self }
    }

    /// Whether keys lead to something.
    pub fn is_map(&self) -> bool {
        self.value != ValueType::None
    }

    /// nft's word for it: `set` or `map`.
    pub fn noun(&self) -> &'static str {
        if self.is_map() { "map" } else { "set" }
    }
}

/// The inside of nft's braces: `type inet_proto . inet_service : verdict; flags interval;`.
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

/// The inside of nft's braces: `tcp . 8080 comment "web" : 10.0.0.2 . 80`.
impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.fmt(f)?;
        if let Some(comment) = &self.comment {
            write!(f, " comment \"{comment}\"")?;
        }
        self.value.as_ref().map_or(Ok(()), |value| write!(f, " : {value}"))
    }
}
