//! The environment of a call, read in one place and passed on as a value, and the variable
//! `CNI_ARGS` (specification, section 2).

use std::ffi::{OsStr, OsString};

/// All variables of a process: `CNI_*` and everything else.
#[derive(Clone, Debug, Default)]
pub struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// Returns the environment of this process.
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the environment")]
    pub fn current() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// Returns the value of a variable. An empty one counts as not set, because runtimes pass empty
    /// strings for variables that they do not use.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        self.0
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_os_str())
            .filter(|value| !value.is_empty())
    }

    /// Returns the value as text, or `None` if it is not UTF-8 either.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.to_str()
    }

    /// Returns a copy of the environment with one variable changed.
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut changed = self.clone();
        changed.0.retain(|(key, _)| key != name);
        changed.0.push((name.into(), value.into()));
        changed
    }

    /// Returns every variable.
    pub fn variables(&self) -> &[(OsString, OsString)] {
        &self.0
    }
}

impl<K: Into<OsString>, V: Into<OsString>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// The pairs of `CNI_ARGS`, in their order: `KEY=VALUE`, joined by `;`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CniArgs(Vec<(String, String)>);

impl CniArgs {
    /// Parses the variable's value.
    ///
    /// # Errors
    ///
    /// Names the first part that is not a pair.
    pub fn parse(text: &str) -> Result<Self, String> {
        text.split(';')
            .filter(|part| !part.trim().is_empty())
            .map(|part| match part.split_once('=') {
                Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
                _ => Err(format!("{part:?} is not a KEY=VALUE pair (pairs are joined by ';')")),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Returns the value of a key; the last one if it was given more than once.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Returns every pair, in order.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }
}
