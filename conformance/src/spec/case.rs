//! A case: how one requirement is put to the test.

use crate::fixture::Fixture;
use crate::verdict::CaseResult;

/// How one requirement is put to the test. It has the requirement's id.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The id of the requirement.
    pub id: &'static str,
    /// What the case does, for people.
    pub does: &'static str,
    /// Does it.
    pub run: fn(&Fixture) -> CaseResult,
}
