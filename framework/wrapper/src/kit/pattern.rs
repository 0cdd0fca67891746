//! Patterns for values of a container, such as those of a label.

use serde::Deserialize;

/// A condition on the values of one key, in a plugin's own configuration.
///
/// It is a text in which `*` matches any characters, a list of such texts of which one must match,
/// or `true` or `false` for whether there is a value at all.
///
/// ```
/// use cni_wrapper::Pattern;
///
/// let pattern: Pattern = serde_json::from_str(r#"["db", "db-*"]"#)?;
/// assert!(pattern.matches(&["db-2".to_owned()]));
/// assert!(!pattern.matches(&["web".to_owned()]));
/// let absent: Pattern = serde_json::from_str("false")?;
/// assert!(absent.matches(&[]));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
#[serde(untagged, expecting = "true, false, a text or a list of texts is expected")]
pub enum Pattern {
    /// There must be a value, or there must be none.
    Present(bool),
    /// A value matches this text.
    One(String),
    /// A value matches one of these texts.
    AnyOf(Vec<String>),
}

impl Pattern {
    /// Returns whether the values of a key match: one of them is enough.
    pub fn matches(&self, values: &[String]) -> bool {
        match self {
            Self::Present(wanted) => values.is_empty() != *wanted,
            Self::One(pattern) => values.iter().any(|value| matches(pattern, value)),
            Self::AnyOf(patterns) => {
                values.iter().any(|value| patterns.iter().any(|pattern| matches(pattern, value)))
            }
        }
    }
}

/// `*` matches any characters, also none; every other character matches itself.
fn matches(pattern: &str, value: &str) -> bool {
    let Some((beginning, rest)) = pattern.split_once('*') else { return pattern == value };
    let Some(mut value) = value.strip_prefix(beginning) else { return false };
    let mut middles: Vec<&str> = rest.split('*').collect();
    let end = middles.pop().unwrap_or_default();
    for middle in middles {
        let Some(at) = value.find(middle) else { return false };
        value = &value[at + middle.len()..];
    }
    value.ends_with(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_matches_any_characters_and_none() {
        for (pattern, value) in [
            ("db", "db"),
            ("", ""),
            ("*", ""),
            ("*", "db"),
            ("kube-*", "kube-system"),
            ("*-db", "a-db"),
            ("a*b*c", "abc"),
            ("a*b*c", "a-b-b-c"),
            ("**", "x"),
            ("ab*ba", "abba"),
        ] {
            assert!(matches(pattern, value), "{pattern} matches {value}");
        }
        for (pattern, value) in [
            ("db", "db1"),
            ("db", ""),
            ("kube-*", "kube"),
            ("*-db", "a-dbx"),
            ("a*b*c", "acb"),
            ("ab*ba", "aba"),
            ("a*", "ba"),
        ] {
            assert!(!matches(pattern, value), "{pattern} does not match {value}");
        }
    }
}
