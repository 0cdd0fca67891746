//! Prefixes of addresses, as the keys of sets with intervals.

use std::fmt;
use std::net::IpAddr;

use crate::nftables::data::{Field, Key};

/// A text that is neither an address nor a prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotAPrefix {
    /// Its number in the list, from 0.
    pub index: usize,
    /// The text.
    pub text: String,
}

/// Returns keys of a set with intervals for a list of addresses and prefixes, such as
/// `10.1.0.0/16`.
///
/// They are sorted, IPv4 first, without those inside of another, since intervals of a set must not
/// overlap. Bits behind a prefix are ignored.
///
/// ```
/// use cni_netlink::nftables::{DataType, prefixes};
///
/// let keys = prefixes(["fd00:1::/32", "10.1.2.3", "10.1.0.0/16"])?;
/// let texts: Vec<String> = keys.iter().map(ToString::to_string).collect();
/// assert_eq!(texts, ["10.1.0.0/16", "fd00:1::/32"]);
/// assert_eq!(keys[0].data_types(), [DataType::Ipv4Addr]);
/// # Ok::<(), cni_netlink::nftables::NotAPrefix>(())
/// ```
///
/// # Errors
/// The first text that is neither.
pub fn prefixes<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Vec<Key>, NotAPrefix> {
    let read = |(index, text): (usize, T)| {
        let text = text.as_ref();
        ends(text).ok_or_else(|| NotAPrefix { index, text: text.to_owned() })
    };
    let mut all = texts.into_iter().enumerate().map(read).collect::<Result<Vec<_>, _>>()?;
    // Of two prefixes, one contains the other or they are apart.
    all.sort_by(|a, b| (&a.0, &b.1).cmp(&(&b.0, &a.1)));
    all.dedup_by(|next, last| next.1 <= last.1);
    Ok(all.into_iter().map(|ends| Key::Range(vec![ends])).collect())
}

fn ends(text: &str) -> Option<(Field, Field)> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let whole = if address.is_ipv4() { 32 } else { 128 };
    Field::prefix(address, length.unwrap_or(whole))
}

impl fmt::Display for NotAPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an address or a prefix, such as 10.1.0.0/16", self.text)
    }
}

impl std::error::Error for NotAPrefix {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(texts: &[&str]) -> Vec<String> {
        prefixes(texts).expect("prefixes").iter().map(ToString::to_string).collect()
    }

    #[test]
    fn prefixes_inside_of_another_are_left_out() {
        assert_eq!(
            shown(&["10.1.2.0/24", "10.0.0.0/8", "10.0.0.0", "11.0.0.1", "11.0.0.1/32"]),
            ["10.0.0.0/8", "11.0.0.1"]
        );
        assert_eq!(shown(&["10.0.1.0/24", "10.0.0.77/24"]), ["10.0.0.0/24", "10.0.1.0/24"]);
        assert_eq!(shown(&["::/0", "fd00::1", "0.0.0.0/0"]), ["0.0.0.0/0", "::/0"]);
        assert_eq!(shown(&[]), [] as [&str; 0]);
    }

    #[test]
    fn what_is_not_a_prefix_is_named() {
        for text in ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/-1", "a", ""] {
            let error = prefixes(["10.0.0.1", text]).expect_err("it is not one");
            assert_eq!((error.index, error.text.as_str()), (1, text));
            assert!(error.to_string().starts_with(&format!("{text:?} is not")), "{error}");
        }
    }
}
