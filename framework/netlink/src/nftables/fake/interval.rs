//! Intervals of a concatenation.

use crate::error::errno;
use crate::nftables::data::Field;
use crate::nftables::fake::refused::Refused;

/// First and last of each field, both included.
#[derive(Clone, Copy)]
pub(super) struct Interval<'a>(pub(super) &'a [(Field, Field)]);

impl<'a> Interval<'a> {
    pub(super) fn first(self) -> impl Iterator<Item = &'a Field> {
        self.0.iter().map(|(first, _)| first)
    }

    pub(super) fn last(self) -> impl Iterator<Item = &'a Field> {
        self.0.iter().map(|(_, last)| last)
    }

    /// Whether a point of the same types is in it.
    pub(super) fn has<'b>(self, point: impl Iterator<Item = &'b Field>) -> bool {
        self.0.iter().zip(point).all(|((first, last), field)| (first..=last).contains(&field))
    }

    /// Refused when it ends before it begins.
    pub(super) fn check(self) -> Result<(), Refused> {
        if self.0.iter().any(|(first, last)| first > last) {
            return Err(Refused::new(errno::EINVAL, "an interval ends before it begins"));
        }
        Ok(())
    }
}
