//! The outcome of a step.

/// Nothing or a value; the error is a sentence for people.
pub(crate) type Outcome<T = ()> = Result<T, String>;
