//! All cases, in the order of the requirements.

use super::case::Case;

const AREAS: [&[Case]; 14] = [
    super::execution::cases::CASES,
    super::environment::cases::CASES,
    super::version::cases::CASES,
    super::add::cases::CASES,
    super::result::cases::CASES,
    super::chain::cases::CASES,
    super::del::cases::CASES,
    super::check::cases::CASES,
    super::gc::cases::CASES,
    super::status::cases::CASES,
    super::delegate::cases::CASES,
    super::capability::cases::CASES,
    super::config::cases::CASES,
    super::concurrency::cases::CASES,
];

/// The cases that are judged in one version, the newest. Nothing that they send depends on the version:
/// they ask for VERSION, or their calls are refused for a command that does not exist or for a version
/// that does not exist, before the version of the network counts.
const ONCE: [&str; 6] = [
    "environment.no-command-does-nothing",
    "environment.unknown-command-is-refused",
    "environment.version-needs-only-command",
    "execution.error-goes-to-stdout",
    "execution.failure-prints-error-object",
    "version.lists-versions",
];

/// Whether the case of this id is judged in one version only.
pub(crate) fn is_judged_once(id: &str) -> bool {
    ONCE.contains(&id)
}

/// All cases.
pub fn all() -> impl Iterator<Item = &'static Case> {
    AREAS.into_iter().flatten()
}

/// The case of this id.
pub fn find(id: &str) -> Option<&'static Case> {
    all().find(|case| case.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_that_is_judged_once_exists() {
        assert!(ONCE.iter().all(|id| find(id).is_some()));
    }
}
