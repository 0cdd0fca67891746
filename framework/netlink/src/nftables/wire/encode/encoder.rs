//! The encoder: appends messages about one table to a batch.

use crate::attribute::Body;
use crate::nftables::table::Table;
use crate::nftables::wire::uapi::userdata;
use crate::socket::batch::Batch;

/// Which operation a message does. One with elements does several, one after the other.
pub(in crate::nftables) type Marks = Vec<usize>;

/// Appends messages about one table to a batch.
pub(super) struct Encoder<'a, 'b> {
    pub(super) batch: &'a mut Batch<'b>,
    pub(super) table: &'a Table,
    pub(super) marks: Marks,
    /// How many sets are made: each needs a number of its own.
    pub(super) sets: u32,
}

impl Encoder<'_, '_> {
    /// Appends a message that begins with the table's name.
    pub(super) fn message(
        &mut self,
        at: usize,
        kind: u16,
        flags: u16,
        fill: impl FnOnce(&mut Body<'_>),
    ) {
        self.marks.push(at);
        let table = self.table;
        self.batch.message(kind, flags, |body| {
            begin(body, table);
            fill(body);
        });
    }
}

/// A comment as nft keeps it. It is short: longer ones are refused before.
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

/// What every message begins with.
pub(in crate::nftables) fn header(table: &Table) -> [u8; 4] {
    [table.family.number(), 0, 0, 0]
}

/// The beginning of a message about a table's objects, whose first attribute is the table's name.
pub(in crate::nftables) fn begin(body: &mut Body<'_>, table: &Table) {
    body.raw(&header(table));
    body.text(1, &table.name);
}
