//! Conversion from any version to any other.
//!
//! The rules are libcni's, except that less is lost and nothing is carried over that does not
//! belong:
//!
//! - A key that neither version has is kept if its object has a place in the new layout: at the
//!   top, in an interface, an address, a route, or `dns`. The order of keys and the digits of
//!   numbers are kept.
//! - Members that only 1.1.0 has (`mtu`, `socketPath`, `pciID` of an interface; `mtu`, `advmss`,
//!   `priority`, `table`, `scope` of a route) are removed in the conversion to an older version.
//! - The text of addresses is kept. Only an IPv4-mapped one becomes plain IPv4, and only if the new
//!   layout declares that it is IPv4.
//! - The family of an address of 0.3.0 to 0.4.0 without `version`, or with one that can't be right,
//!   is that of the address itself.
//!
//! 0.1.0 and 0.2.0 have no place for interfaces and the indexes of interfaces, for a second address
//! of a family, and for routes of a family without address; these are lost. A key that has a
//! meaning in the new layout only (`ips` in 0.2.0, `ip4` in 0.4.0) is removed: it would get a
//! meaning that was not intended.

mod across;
mod down;
mod members;
mod up;

use super::{
    add_result::{AddResult, set_version},
    check,
    error::ResultError,
    layout::{self, Layout},
};
use crate::version::SpecVersion;

impl AddResult {
    /// Converts the result to the version `to`. Nothing changes if it has that version already.
    ///
    /// # Errors
    ///
    /// It has no address and `to` is 0.1.0 or 0.2.0 (and the result's own version is neither), or
    /// the document does not fit its own version or, because of a key that only the new version
    /// has, the new one.
    pub fn convert(self, to: SpecVersion) -> Result<Self, ResultError> {
        let from = self.version;
        if from == to {
            return Ok(self);
        }
        check::check(&self.document, from)?;
        let mut document = self.document;
        if layout::has_new_members(from) {
            across::strip_new_members(&mut document);
        }
        match (Layout::of(from), Layout::of(to)) {
            (Layout::V020, Layout::V020)
            | (Layout::V040, Layout::V040)
            | (Layout::V100, Layout::V100) => {}
            (Layout::V020, layout) => up::to_lists(&mut document, layout),
            (layout, Layout::V020) => {
                down::to_slots(&mut document, layout).ok_or(ResultError::NoAddress { from, to })?;
            }
            (_, layout) => across::convert_ips(&mut document, layout),
        }
        set_version(&mut document, to);
        check::check(&document, to)?;
        Ok(Self { version: to, document, raw: None })
    }
}
