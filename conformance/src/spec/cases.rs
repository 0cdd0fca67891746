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

/// The cases that run only in the newest version, since the version makes no difference to them:
/// they call VERSION, or their calls are refused for an unknown command or version before the
/// version of the network matters.
const ONCE: [&str; 6] = [
    "environment.no-command-does-nothing",
    "environment.unknown-command-is-refused",
    "environment.version-needs-only-command",
    "execution.error-goes-to-stdout",
    "execution.failure-prints-error-object",
    "version.lists-versions",
];

/// Whether the case with this id runs in one version only.
pub(crate) fn runs_once(id: &str) -> bool {
    ONCE.contains(&id)
}

/// Returns all cases.
pub fn all() -> impl Iterator<Item = &'static Case> {
    AREAS.into_iter().flatten()
}

/// Returns the case with this id.
pub fn find(id: &str) -> Option<&'static Case> {
    all().find(|case| case.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_that_runs_once_exists() {
        assert!(ONCE.iter().all(|id| find(id).is_some()));
    }
}
