//! A case: the test of one requirement.

use crate::fixture::Fixture;
use crate::verdict::CaseResult;

/// The test of one requirement, whose id it has.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The id of the requirement.
    pub id: &'static str,
    /// A human-readable description of what the case does.
    pub does: &'static str,
    /// Runs the case on a fixture.
    pub run: fn(&Fixture) -> CaseResult,
}
