//! `CNI_ARGS`: pairs `KEY=VALUE` joined by `;` (specification, section 2).

/// The pairs of `CNI_ARGS`, in their order.
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
