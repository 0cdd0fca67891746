//! Which system calls to die at.

/// Tries a part of all places unless all are wanted.
pub(crate) const VARIABLE: &str = "PORT_MAPPER_FAULTS";

/// The numbers to try, without end: every one, or one of so many, beginning with the first.
pub(crate) fn numbers(one_of: usize) -> impl Iterator<Item = u64> {
    let all = std::env::var_os(VARIABLE).is_some_and(|value| value == "all");
    (1..).step_by(if all { 1 } else { one_of })
}
