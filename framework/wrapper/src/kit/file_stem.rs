//! The names of the files of an attachment.

use std::cell::RefCell;

use cni_protocol::{Attachment, hex};
use hmac_sha256::Hash;

/// Letters of the id that are part of a file's name.
const SHOWN: usize = 64;

thread_local! {
    /// The attachment that was asked for last: most calls concern one only, and use many files.
    static LAST: RefCell<Option<(Attachment, String)>> = const { RefCell::new(None) };
}

pub(crate) fn file_stem(attachment: &Attachment) -> String {
    LAST.with_borrow_mut(|last| match last {
        Some((known, stem)) if known == attachment => stem.clone(),
        _ => {
            let stem = new_file_stem(attachment);
            last.insert((attachment.clone(), stem)).1.clone()
        }
    })
}

fn new_file_stem(attachment: &Attachment) -> String {
    let Attachment { network, container_id, ifname } = attachment;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let shown = if container_id.is_empty() { network } else { container_id };
    let shown = shown.chars().map(|c| if is_plain(c) { c } else { '_' });
    let prefix: String = shown.take(SHOWN).collect();
    // No valid name contains a newline.
    let hash = Hash::hash(format!("{network}\n{container_id}\n{ifname}").as_bytes());
    format!("{prefix}~{}", hex(&hash[..16]))
}
