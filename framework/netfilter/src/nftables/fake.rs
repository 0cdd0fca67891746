//! A ruleset in memory.

/// A ruleset in memory.
#[derive(Debug, Default)]
pub struct Fake {}
