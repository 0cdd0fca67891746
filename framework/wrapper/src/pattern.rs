//! What a value of a container is compared with, such as a label's.

use serde::Deserialize;

/// One text with `*` for any letters, several of which one must fit, or whether there is a value at all: a condition in a plugin's own keys.
///
/// ```
/// use cni_wrapper::Pattern;
///
/// let pattern: Pattern = serde_json::from_str(r#"["db", "db-*"]"#)?;
/// assert!(pattern.fits(&["db-2".to_owned()]));
/// assert!(!pattern.fits(&["web".to_owned()]));
/// assert!(serde_json::from_str::<Pattern>("false")?.fits(&[]), "there must be none, and there is none");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "true, false, a text or a list of texts is expected")]
pub enum Pattern {
    /// There is a value, or there is none.
    Present(bool),
    /// It looks like this.
    One(String),
    /// It looks like one of these.
    AnyOf(Vec<String>),
}

impl Pattern {
    /// Whether one of these values fits, which are those of one key.
    pub fn fits(&self, values: &[String]) -> bool {
        match self {
            Self::Present(wanted) => values.is_empty() != *wanted,
            Self::One(pattern) => values.iter().any(|value| looks_like(pattern, value)),
            Self::AnyOf(patterns) => {
                values.iter().any(|value| patterns.iter().any(|like| looks_like(like, value)))
            }
        }
    }
}

/// `*` stands for any letters, none too; everything else for itself.
fn looks_like(pattern: &str, value: &str) -> bool {
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
    fn a_star_stands_for_any_letters_and_for_none() {
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
            assert!(looks_like(pattern, value), "{pattern} fits {value}");
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
            assert!(!looks_like(pattern, value), "{pattern} does not fit {value}");
        }
    }
}
