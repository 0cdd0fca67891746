//! Whose rule is it? The owner, and the tag that its rules bear as a comment.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The longest tag, in bytes: what nft reads back of the comments that it lists. iptables silently cuts at 255.
pub const LONGEST_TAG: usize = 128;
/// Longest text of two fields in a tag, in bytes; a hash of containerd just fits. The network gets what they leave.
const CONTAINER_ID: usize = 64;
const IFNAME: usize = 15;
/// Bytes that iptables keeps of a comment.
const COMMENT: usize = 255;

/// An attachment, as the owner of rules.
///
/// A name that is too long for a tag (or unfit for one) is abbreviated there; owners are equal when their
/// abbreviations are, so that one that was read from a tag equals the one it was made for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Owner {
    /// Name of the network.
    pub network: String,
    /// Id of the container.
    pub container_id: String,
    /// Name of the interface in the container.
    pub ifname: String,
}

impl Owner {
    /// The comment of this owner's rules: `container_id: ID network: NET ifname: IF`.
    pub fn tag(&self) -> String {
        let [network, container_id, ifname] = self.fields();
        format!("{CONTAINER_WORD}{container_id}{NETWORK_WORD}{network}{IFNAME_WORD}{ifname}")
    }

    /// The comment that Mesos's original port mapper gave to rules of this container, on whatever network.
    pub fn original_tag(&self) -> String {
        start(&format!("{CONTAINER_WORD}{}", self.container_id), COMMENT).to_owned()
    }

    fn fields(&self) -> [Cow<'_, str>; 3] {
        let container_id = abbreviated(&self.container_id, CONTAINER_ID);
        let ifname = abbreviated(&self.ifname, IFNAME);
        let room = LONGEST_TAG - WORDS - container_id.len() - ifname.len();
        [abbreviated(&self.network, room), container_id, ifname]
    }
}

const CONTAINER_WORD: &str = "container_id: ";
const NETWORK_WORD: &str = " network: ";
const IFNAME_WORD: &str = " ifname: ";
const WORDS: usize = CONTAINER_WORD.len() + NETWORK_WORD.len() + IFNAME_WORD.len();

/// Every tag, ours or the original's, has this text in it.
pub const MARK: &str = "container_id: ";

/// Who holds a rule, as far as its comment tells.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Holder {
    /// An attachment.
    Attachment(Owner),
    /// A container whose rule was made by Mesos's original port mapper, which noted the container id only.
    Original {
        /// Id of the container.
        container_id: String,
    },
}

impl Holder {
    /// Reads a comment; `None` when it is no tag.
    pub fn parse(comment: &str) -> Option<Self> {
        let rest = comment.strip_prefix(CONTAINER_WORD)?;
        Some(match ours(rest) {
            Some(owner) => Self::Attachment(owner),
            None => Self::Original { container_id: rest.to_owned() },
        })
    }

    /// The comment that this was read from.
    pub fn tag(&self) -> String {
        match self {
            Self::Attachment(owner) => owner.tag(),
            Self::Original { container_id } => format!("{CONTAINER_WORD}{container_id}"),
        }
    }
}

fn ours(rest: &str) -> Option<Owner> {
    let (container_id, rest) = rest.split_once(NETWORK_WORD)?;
    let (network, ifname) = rest.split_once(IFNAME_WORD)?;
    let fits = is_plain(container_id) && is_plain(network) && is_plain(ifname);
    let own = |text: &str| text.to_owned();
    fits.then(|| Owner {
        network: own(network),
        container_id: own(container_id),
        ifname: own(ifname),
    })
}

/// No blank: so the words between the fields can't occur in them. No control character: none can be expressed.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

/// The text itself when it fits, else PREFIX~HEX with a hash of all of it. A `~` is in no valid name, so an
/// abbreviation is never taken for a name. Abbreviating twice changes nothing.
fn abbreviated(text: &str, budget: usize) -> Cow<'_, str> {
    let fits = text.len() <= budget && is_plain(text);
    if fits && (!text.contains('~') || is_abbreviation(text, budget)) {
        return Cow::Borrowed(text);
    }
    let digits = digits(budget);
    let prefix: String = text
        .chars()
        .map(|c| if c == '~' || c.is_whitespace() || c.is_control() { '_' } else { c })
        .collect();
    let prefix = start(&prefix, budget - 1 - digits);
    let hash = hex(&Sha256::digest(text));
    Cow::Owned(format!("{prefix}~{}", &hash[..digits]))
}

/// As much of the text as fits into so many bytes, without half characters.
pub(crate) fn start(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

fn is_abbreviation(text: &str, budget: usize) -> bool {
    text.split_once('~').is_some_and(|(_, hash)| {
        hash.len() == digits(budget) && hash.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
    })
}

/// 128 bits of the hash where there is room; else enough that no two names of one host meet by chance.
fn digits(budget: usize) -> usize {
    (budget / 2).clamp(15, 32).min(budget - 1)
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl PartialEq for Owner {
    fn eq(&self, other: &Self) -> bool {
        self.fields() == other.fields()
    }
}

impl Eq for Owner {}

impl Hash for Owner {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.fields().hash(state);
    }
}

impl Ord for Owner {
    fn cmp(&self, other: &Self) -> Ordering {
        self.fields().cmp(&other.fields())
    }
}

impl PartialOrd for Owner {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { network, container_id, ifname } = self;
        write!(f, "container {container_id} (network {network}, interface {ifname})")
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attachment(owner) => owner.fmt(f),
            Self::Original { container_id } => {
                write!(f, "container {container_id} (mapped by Mesos's original port mapper)")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(network: &str, container_id: &str, ifname: &str) -> Owner {
        let own = str::to_owned;
        Owner { network: own(network), container_id: own(container_id), ifname: own(ifname) }
    }

    #[test]
    fn a_tag_begins_as_the_originals_and_names_the_whole_attachment() {
        let tag = owner("mesos", "c1", "eth0").tag();
        assert_eq!(tag, "container_id: c1 network: mesos ifname: eth0");
        assert_eq!(Holder::parse(&tag), Some(Holder::Attachment(owner("mesos", "c1", "eth0"))));
    }

    #[test]
    fn the_originals_tag_is_told_apart() {
        let original = |id: &str| Some(Holder::Original { container_id: id.to_owned() });
        assert_eq!(Holder::parse("container_id: c1"), original("c1"));
        assert_eq!(Holder::parse("container_id: c1 network: x"), original("c1 network: x"));
        assert_eq!(Holder::parse("some other comment"), None);
        assert_eq!(Holder::parse("xcontainer_id: c1"), None);
    }

    #[test]
    fn a_long_owner_fits_into_a_comment_and_is_found_again() {
        let long = owner(&"n".repeat(300), &"c".repeat(300), "eth0123456789ab");
        let tag = long.tag();
        assert!(tag.len() <= LONGEST_TAG, "{}", tag.len());
        let found = Holder::parse(&tag);
        assert_eq!(found, Some(Holder::Attachment(long.clone())));
        assert_eq!(found.map(|holder| holder.tag()), Some(tag));
        assert_ne!(long, owner(&"n".repeat(300), &"c".repeat(301), "eth0123456789ab"));
    }

    #[test]
    fn ids_of_containerd_and_usual_network_names_stay_readable() {
        let (network, id) = ("k8s-pod-network-of-the-cluster", "c".repeat(64));
        assert!(!owner("cni-podman-network0", &id, "eth0").tag().contains('~'));
        assert!(!owner(network, &id[..36], "eth0").tag().contains('~'));
        assert!(owner(network, &id, "eth0").tag().contains(" network: k8s-pod-net~"));
    }

    #[test]
    fn no_text_can_pose_as_another_owner() {
        let honest = owner("n", "c", "eth0");
        for hostile in ["c network: n ifname: eth0", "c\nx", "c~", "c\u{a0}", ""] {
            let hostile = owner("n", hostile, "eth0");
            assert_ne!(hostile, honest);
            assert_eq!(Holder::parse(&hostile.tag()), Some(Holder::Attachment(hostile)));
        }
    }

    #[test]
    fn the_originals_tag_is_cut_where_iptables_cuts_it() {
        assert_eq!(owner("n", &"c".repeat(300), "eth0").original_tag().len(), 255);
    }
}
