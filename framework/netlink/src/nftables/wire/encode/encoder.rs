//! The encoder: appends messages about one table to a batch.

use crate::attribute::Body;
use crate::nftables::table::Table;
use crate::nftables::wire::uapi::userdata;
use crate::socket::batch::Batch;

/// The index of the first operation in each message. A message with elements contains several
/// consecutive operations.
pub(in crate::nftables) type FirstOperations = Vec<usize>;

/// Appends messages about one table to a batch.
pub(super) struct Encoder<'a, 'b> {
    pub(super) batch: &'a mut Batch<'b>,
    pub(super) table: &'a Table,
    pub(super) first_operations: FirstOperations,
    /// The number of sets created so far, each of which needs its own number.
    pub(super) sets: u32,
}

impl Encoder<'_, '_> {
    /// Appends a message that begins with the table's name, for the operation at this index.
    pub(super) fn message(
        &mut self,
        index: usize,
        kind: u16,
        flags: u16,
        fill: impl FnOnce(&mut Body<'_>),
    ) {
        self.first_operations.push(index);
        let table = self.table;
        self.batch.message(kind, flags, |body| {
            begin(body, table);
            fill(body);
        });
    }
}

/// Writes a comment in nft's format. It is short, since longer ones have been refused before.
pub(super) fn write_comment(body: &mut Body<'_>, attribute: u16, comment: Option<&str>) {
    if let Some(comment) = comment {
        body.appended(attribute, |bytes| append_comment(bytes, userdata::COMMENT, comment));
    }
}

pub(super) fn append_comment(bytes: &mut Vec<u8>, kind: u8, comment: &str) {
    let length = u8::try_from(comment.len() + 1).unwrap_or_default();
    bytes.extend_from_slice(&[kind, length]);
    bytes.extend_from_slice(comment.as_bytes());
    bytes.push(0);
}

/// Returns the header of a message.
pub(in crate::nftables) fn header(table: &Table) -> [u8; 4] {
    [table.family.number(), 0, 0, 0]
}

/// Writes the beginning of a message about an object in a table: the header and the table's name.
pub(in crate::nftables) fn begin(body: &mut Body<'_>, table: &Table) {
    body.raw(&header(table));
    body.text(1, &table.name);
}
