//! Intervals of a concatenation.

use crate::error::errno;
use crate::nftables::data::Field;
use crate::nftables::fake::refusal::ExplainedRefusal;

/// The first and the last value of each field, both inclusive.
#[derive(Clone, Copy)]
pub(super) struct Interval<'a>(pub(super) &'a [(Field, Field)]);

impl<'a> Interval<'a> {
    pub(super) fn first(self) -> impl Iterator<Item = &'a Field> {
        self.0.iter().map(|(first, _)| first)
    }

    pub(super) fn last(self) -> impl Iterator<Item = &'a Field> {
        self.0.iter().map(|(_, last)| last)
    }

    /// Reports whether it contains a point of the same types.
    pub(super) fn contains<'b>(self, point: impl Iterator<Item = &'b Field>) -> bool {
        self.0.iter().zip(point).all(|((first, last), field)| (first..=last).contains(&field))
    }

    /// Refuses an interval whose last value is before its first one.
    pub(super) fn check(self) -> Result<(), ExplainedRefusal> {
        if self.0.iter().any(|(first, last)| first > last) {
            return Err(ExplainedRefusal::new(
                errno::EINVAL,
                "the last value of an interval is before its first one",
            ));
        }
        Ok(())
    }
}
