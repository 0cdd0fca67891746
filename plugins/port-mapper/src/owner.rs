//! The owner of a rule, and the tag that names it: the comment that every rule of an attachment
//! has.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use cni_wrapper::{Attachment, OwnerTag};

/// The text that every tag contains, including those of Mesos's original port mapper.
pub const MARK: &str = OwnerTag::PREFIX;

/// The number of bytes that iptables keeps of a comment.
const MAX_COMMENT: usize = 255;

/// The tags by which the rules of an attachment are found.
pub trait RuleTag {
    /// Returns the comment of the attachment's rules: `container_id: ID network: NET ifname: IF`.
    ///
    /// A name that is too long for a tag, or has characters that a tag cannot have, is abbreviated.
    fn tag(&self) -> String;

    /// Returns the comment that Mesos's original port mapper gave to rules of this container.
    ///
    /// It contains the container id only, so it is the same for every network of the container.
    fn original_tag(&self) -> String;

    /// Reports whether names may be abbreviated, as they are in an attachment that was read from a
    /// tag. Its tag is the one of the whole attachment, but it leads to no file: see
    /// [`State::find`](crate::state::State::find).
    fn may_be_abbreviated(&self) -> bool;
}

impl RuleTag for Attachment {
    fn tag(&self) -> String {
        OwnerTag::of(self).into()
    }

    fn original_tag(&self) -> String {
        prefix(&format!("{MARK}{}", self.container_id), MAX_COMMENT).to_owned()
    }

    fn may_be_abbreviated(&self) -> bool {
        // No valid id or network has this character, but an interface can have it.
        [&self.container_id, &self.network, &self.ifname].iter().any(|name| name.contains('~'))
    }
}

/// The owner of a rule, as its tag identifies it.
///
/// Two owners are equal if their tags are equal. An attachment that was read from a tag, with
/// abbreviated names, therefore equals the attachment that the tag was made for. Files are named
/// after whole names: [`State`](crate::state::State) finds those of either.
#[derive(Clone, Debug)]
pub enum Owner {
    /// An attachment.
    Attachment(Attachment),
    /// A container whose rule was created by Mesos's original port mapper, which recorded the
    /// container id only.
    OriginalPlugin {
        /// The container id.
        container_id: String,
    },
}

impl Owner {
    /// Reads a comment. Returns `None` if it is not a tag.
    pub fn parse(comment: &str) -> Option<Self> {
        if let Some(attachment) = OwnerTag::read(comment) {
            return Some(Self::Attachment(attachment));
        }
        let container_id = comment.strip_prefix(MARK)?.to_owned();
        Some(Self::OriginalPlugin { container_id })
    }

    /// Returns the container id, which may be abbreviated.
    pub fn container_id(&self) -> &str {
        match self {
            Self::Attachment(attachment) => &attachment.container_id,
            Self::OriginalPlugin { container_id } => container_id,
        }
    }

    /// Reports whether it is another attachment of the same container, or the container itself.
    pub fn is_companion(&self, attachment: &Attachment) -> bool {
        match self {
            // With names abbreviated as those of a tag.
            Self::Attachment(own) => {
                let container_id = attachment.container_id.clone();
                own.tag() == Attachment { container_id, ..own.clone() }.tag()
            }
            Self::OriginalPlugin { .. } => self.tag() == attachment.original_tag(),
        }
    }

    /// Returns the tag of the owner's rules.
    pub fn tag(&self) -> String {
        match self {
            Self::Attachment(attachment) => attachment.tag(),
            Self::OriginalPlugin { container_id } => format!("{MARK}{container_id}"),
        }
    }
}

impl From<&Attachment> for Owner {
    fn from(attachment: &Attachment) -> Self {
        Self::Attachment(attachment.clone())
    }
}

/// Returns the longest prefix of `text` that has at most `bytes` bytes and ends between characters.
fn prefix(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    &text[..end.unwrap_or(0)]
}

impl PartialEq for Owner {
    fn eq(&self, other: &Self) -> bool {
        self.tag() == other.tag()
    }
}

impl Eq for Owner {}

impl Hash for Owner {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.tag().hash(state);
    }
}

impl Ord for Owner {
    fn cmp(&self, other: &Self) -> Ordering {
        self.tag().cmp(&other.tag())
    }
}

impl PartialOrd for Owner {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attachment(Attachment { network, container_id, ifname }) => {
                write!(f, "container {container_id} (network {network}, interface {ifname})")
            }
            Self::OriginalPlugin { container_id } => {
                write!(f, "container {container_id} (mapped by Mesos's original port mapper)")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(network: &str, container_id: &str, ifname: &str) -> Attachment {
        let [network, container_id, ifname] = [network, container_id, ifname].map(str::to_owned);
        Attachment { network, container_id, ifname }
    }

    #[test]
    fn a_tag_begins_as_the_originals_and_names_the_whole_attachment() {
        let attachment = attachment("mesos", "c1", "eth0");
        let tag = attachment.tag();
        assert_eq!(tag, "container_id: c1 network: mesos ifname: eth0");
        assert_eq!(Owner::parse(&tag), Some(Owner::Attachment(attachment)));
    }

    #[test]
    fn a_tag_of_the_original_is_recognised() {
        let original = |id: &str| Some(Owner::OriginalPlugin { container_id: id.to_owned() });
        assert_eq!(Owner::parse("container_id: c1"), original("c1"));
        assert_eq!(Owner::parse("container_id: c1 network: x"), original("c1 network: x"));
        assert_eq!(Owner::parse("some other comment"), None);
        assert_eq!(Owner::parse("xcontainer_id: c1"), None);
    }

    #[test]
    fn what_was_read_from_a_tag_tells_whether_its_names_may_be_abbreviated() {
        let (network, id) = ("k8s-pod-network-of-the-cluster", "c".repeat(64));
        for (network, id, ifname, expected) in [
            ("mesos", &*id, "eth0", false),
            (network, &id[..36], "eth0", false),
            (network, &id, "eth0", true),
            ("mesos", &"c".repeat(65), "eth0", true),
            ("mesos", "c1", "eth~0", true),
        ] {
            let whole = attachment(network, id, ifname);
            let Some(Owner::Attachment(read)) = Owner::parse(&whole.tag()) else { panic!() };
            assert_eq!(read.may_be_abbreviated(), expected, "{read:?}");
            assert!(expected || read == whole, "{read:?}");
        }
    }

    #[test]
    fn no_name_can_be_mistaken_for_another_owner() {
        let honest = Owner::from(&attachment("n", "c", "eth0"));
        for hostile in ["c network: n ifname: eth0", "c\nx", "c~", "c\u{a0}", ""] {
            let hostile = Owner::from(&attachment("n", hostile, "eth0"));
            assert_ne!(hostile, honest);
            assert_eq!(Owner::parse(&hostile.tag()), Some(hostile));
        }
    }

    #[test]
    fn the_originals_tag_is_truncated_where_iptables_truncates_it() {
        assert_eq!(attachment("n", &"c".repeat(300), "eth0").original_tag().len(), 255);
    }
}
