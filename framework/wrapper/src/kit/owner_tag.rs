//! The tag of a kernel object: a comment of 128 bytes that names the attachment it belongs to.

use std::{borrow::Cow, fmt};

use cni_protocol::{Attachment, hex};
use hmac_sha256::Hash;

const CONTAINER_ID: &str = "container_id: ";
const NETWORK: &str = " network: ";
const IFNAME: &str = " ifname: ";

/// The maximum length of each field in a tag, in bytes. An id of containerd just fits; the network
/// gets what the other two leave.
const MAX_CONTAINER_ID: usize = 64;
const MAX_IFNAME: usize = 15;
const MAX_FIELDS: usize = OwnerTag::MAX - CONTAINER_ID.len() - NETWORK.len() - IFNAME.len();

/// The text by which a kernel object, such as a rule or the element of a set, names the attachment
/// that it belongs to: `container_id: ID network: NET ifname: IF`.
///
/// It is a comment that nft and iptables display, of at most 128 bytes. A name that is too long for
/// it, or has characters that a comment can't have, is abbreviated to its beginning and a hash.
/// Tags of different attachments differ nevertheless.
///
/// So objects can be found without a file that remembers them: DEL removes those whose tag is that
/// of the attachment, and GC those for which [`is_stale`](Self::is_stale). Keep them in a table or
/// a chain of your own, because other plugins may use the same tags.
///
/// ```
/// use cni_wrapper::{Attachment, OwnerTag};
///
/// let [network, container_id, ifname] = ["mesos", "c1", "eth0"].map(str::to_owned);
/// let c1 = Attachment { network, container_id, ifname };
/// let tag = OwnerTag::of(&c1);
/// assert_eq!(tag.as_str(), "container_id: c1 network: mesos ifname: eth0");
/// assert_eq!(OwnerTag::parse(tag.as_str()), Some(tag.clone()));
/// assert!(!tag.is_stale("mesos", &[c1]));
/// assert!(tag.is_stale("mesos", &[]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerTag(String);

impl OwnerTag {
    /// The maximum length of a tag in bytes: nft truncates longer comments when it lists rules.
    pub const MAX: usize = 128;
    /// The text with which every tag begins.
    pub const PREFIX: &str = CONTAINER_ID;

    /// Returns the tag of an attachment.
    pub fn of(attachment: &Attachment) -> Self {
        let container_id = abbreviate(&attachment.container_id, MAX_CONTAINER_ID);
        let ifname = abbreviate(&attachment.ifname, MAX_IFNAME);
        let rest = MAX_FIELDS - container_id.len() - ifname.len();
        let network = abbreviate(&attachment.network, rest);
        Self(format!("{CONTAINER_ID}{container_id}{NETWORK}{network}{IFNAME}{ifname}"))
    }

    /// Reads a comment. Returns `None` if it is not a tag.
    pub fn parse(comment: &str) -> Option<Self> {
        names(comment).map(|_| Self(comment.to_owned()))
    }

    /// Returns the attachment that a comment names; see [`attachment`](Self::attachment).
    pub fn read(comment: &str) -> Option<Attachment> {
        let [container_id, network, ifname] = names(comment)?.map(str::to_owned);
        Some(Attachment { network, container_id, ifname })
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the attachment. Its names may be abbreviated; its tag is this one all the same.
    pub fn attachment(&self) -> Attachment {
        let [container_id, network, ifname] = names(&self.0).unwrap_or_default().map(str::to_owned);
        Attachment { network, container_id, ifname }
    }

    /// Reports whether names may be abbreviated. If not, [`attachment`](Self::attachment) returns
    /// the very attachment that the tag was made for.
    pub fn is_abbreviated(&self) -> bool {
        // No valid id or network has this character, but an interface can have it.
        self.0.contains('~')
    }

    /// Reports whether it is the tag of an attachment to this network.
    pub fn is_of_network(&self, network: &str) -> bool {
        Self::of(&Attachment { network: network.to_owned(), ..self.attachment() }) == *self
    }

    /// Reports whether its attachment to this network is not in `valid`, so that GC removes what
    /// has the tag.
    pub fn is_stale(&self, network: &str, valid: &[Attachment]) -> bool {
        self.is_of_network(network) && !valid.iter().any(|valid| Self::of(valid) == *self)
    }
}

/// Returns container id, network and interface.
fn names(comment: &str) -> Option<[&str; 3]> {
    let (container_id, rest) = comment.strip_prefix(CONTAINER_ID)?.split_once(NETWORK)?;
    let (network, ifname) = rest.split_once(IFNAME)?;
    let names = [container_id, network, ifname];
    names.iter().all(|name| is_plain(name)).then_some(names)
}

/// Reports whether a name can be used in a tag as it is.
///
/// Without white space it cannot contain the keywords between the fields; control characters cannot
/// be written in a comment.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// Returns the name itself if it fits into `budget` bytes, otherwise PREFIX~HASH.
///
/// No valid name contains a `~`, so an abbreviation cannot be mistaken for a name. Abbreviating an
/// abbreviation does not change it.
fn abbreviate(name: &str, budget: usize) -> Cow<'_, str> {
    let fits = name.len() <= budget && is_plain(name);
    if fits && (!name.contains('~') || is_abbreviation(name, budget)) {
        return Cow::Borrowed(name);
    }
    let digits = hash_digits(budget);
    let plain: String = name
        .chars()
        .map(|c| if c == '~' || c.is_whitespace() || c.is_control() { '_' } else { c })
        .collect();
    let start = prefix(&plain, budget - 1 - digits);
    let hash = hex(&Hash::hash(name.as_bytes()));
    Cow::Owned(format!("{start}~{}", &hash[..digits]))
}

fn is_abbreviation(name: &str, budget: usize) -> bool {
    name.split_once('~').is_some_and(|(_, hash)| {
        hash.len() == hash_digits(budget)
            && hash.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// 128 bits of the hash if there is room for them, otherwise enough to avoid accidental collisions
/// between the names of one host.
fn hash_digits(budget: usize) -> usize {
    (budget / 2).clamp(15, 32).min(budget - 1)
}

/// Returns the longest prefix of `text` that has at most `bytes` bytes and ends between characters.
fn prefix(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

impl fmt::Display for OwnerTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<OwnerTag> for String {
    fn from(tag: OwnerTag) -> Self {
        tag.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(network: &str, container_id: &str, ifname: &str) -> Attachment {
        let [network, container_id, ifname] = [network, container_id, ifname].map(str::to_owned);
        Attachment { network, container_id, ifname }
    }

    fn tag(network: &str, container_id: &str, ifname: &str) -> OwnerTag {
        OwnerTag::of(&attachment(network, container_id, ifname))
    }

    #[test]
    fn a_tag_names_the_whole_attachment() {
        let own = tag("mesos", "c1", "eth0");
        assert_eq!(own.to_string(), "container_id: c1 network: mesos ifname: eth0");
        assert_eq!(own.attachment(), attachment("mesos", "c1", "eth0"));
        for other in ["", "a comment", "container_id: c1", "container_id: c1 network: x"] {
            assert_eq!(OwnerTag::parse(other), None, "{other}");
        }
    }

    #[test]
    fn long_names_are_abbreviated_to_fit_into_a_comment_and_still_identify_the_owner() {
        let (network, id) = ("n".repeat(300), "c".repeat(300));
        let long = tag(&network, &id, "eth0123456789ab");
        assert!(long.as_str().len() <= OwnerTag::MAX, "{long}");
        assert_eq!(OwnerTag::parse(long.as_str()).as_ref(), Some(&long));
        assert_eq!(OwnerTag::of(&long.attachment()), long);
        assert_ne!(tag(&network, &format!("{id}c"), "eth0123456789ab"), long);
    }

    #[test]
    fn a_tag_tells_whether_its_names_may_be_abbreviated() {
        let (network, id) = ("k8s-pod-network-of-the-cluster", "c".repeat(64));
        for (network, id, ifname, expected) in [
            ("mesos", &*id, "eth0", false),
            (network, &id[..36], "eth0", false),
            (network, &id, "eth0", true),
            ("mesos", &"c".repeat(65), "eth0", true),
            ("mesos", "c1", "eth~0", true),
        ] {
            let read = tag(network, id, ifname);
            assert_eq!(read.is_abbreviated(), expected, "{read}");
            assert!(expected || read.attachment() == attachment(network, id, ifname), "{read}");
        }
    }

    #[test]
    fn ids_of_containerd_and_usual_network_names_stay_readable() {
        let (network, id) = ("k8s-pod-network-of-the-cluster", "c".repeat(64));
        assert!(!tag("cni-podman-network0", &id, "eth0").is_abbreviated());
        assert!(!tag(network, &id[..36], "eth0").is_abbreviated());
        assert!(tag(network, &id, "eth0").as_str().contains(" network: k8s-pod-net~"));
    }

    #[test]
    fn no_name_can_be_mistaken_for_another_owner() {
        let honest = tag("n", "c", "eth0");
        for hostile in ["c network: n ifname: eth0", "c\nx", "c~", "c\u{a0}", ""] {
            let hostile = tag("n", hostile, "eth0");
            assert_ne!(hostile, honest);
            assert_eq!(OwnerTag::parse(hostile.as_str()), Some(hostile));
        }
    }

    #[test]
    fn what_gc_removes_is_of_the_network_and_not_valid_also_with_abbreviated_names() {
        let long = "k8s-pod-network-of-the-cluster";
        let of = |id: &str| attachment(long, &id.repeat(64), "eth0");
        let valid = [of("a"), of("b")];
        assert!(!OwnerTag::of(&of("a")).is_stale(long, &valid));
        assert!(OwnerTag::of(&of("c")).is_stale(long, &valid));
        assert!(!OwnerTag::of(&of("c")).is_stale("k8s-pod-network-of-the-other", &valid));
        assert!(!tag("other", "c1", "eth0").is_stale(long, &valid));
    }
}
