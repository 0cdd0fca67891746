//! The outcome of a step.

/// The value of a step that succeeded, or a human-readable message about its failure.
pub(crate) type Outcome<T = ()> = Result<T, String>;
