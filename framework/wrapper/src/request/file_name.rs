//! A file name for what a plugin remembers of an attachment.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::Attachment;

/// Letters that are shown.
const SHOWN: usize = 64;

impl Attachment {
    /// `PREFIX~HEX`: letters of the container id for people, and a hash of the whole, so that no id makes a path, and no
    /// two attachments share a file. An extension can be added to it. Without a container id, for what concerns a
    /// network as a whole, the letters are the network's.
    ///
    /// ```
    /// use cni_wrapper::Attachment;
    ///
    /// let attachment = |network: &str| Attachment {
    ///     network: network.to_owned(),
    ///     container_id: "c1".to_owned(),
    ///     ifname: "eth0".to_owned(),
    /// };
    /// assert!(attachment("mesos").file_name().starts_with("c1~"));
    /// assert_ne!(attachment("mesos").file_name(), attachment("other").file_name());
    /// let network = Attachment { network: "mesos".to_owned(), ..Attachment::default() };
    /// assert!(network.file_name().starts_with("mesos~"));
    /// ```
    pub fn file_name(&self) -> String {
        let Self { network, container_id, ifname } = self;
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
        let shown = if container_id.is_empty() { network } else { container_id };
        let mut name: String = shown
            .chars()
            .map(|c| if is_plain(c) { c } else { '_' })
            .take(SHOWN)
            .chain(['~'])
            .collect();
        // No name holds a newline.
        let hash = Sha256::digest(format!("{network}\n{container_id}\n{ifname}"));
        for byte in &hash[..16] {
            // Writing to a string does not fail.
            let _ = write!(name, "{byte:02x}");
        }
        name
    }
}
