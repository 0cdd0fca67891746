//! The cases: one table for each area of the specification, in the order of the requirements.
//!
//! A case is a literal and a function. Its id is the requirement's; profiles, versions and weight stand there.

mod add;
mod capability;
mod chain;
mod check;
mod concurrency;
mod config;
mod del;
mod delegate;
mod environment;
mod execution;
mod gc;
mod result;
mod status;
mod support;
mod version;

use crate::case::Case;

/// What cases are written with.
mod words {
    pub(super) use cni_wrapper::SpecVersion;
    pub(super) use serde_json::{Value, json};

    pub(super) use super::support::*;
    pub(super) use crate::case::Case;
    pub(super) use crate::judgement::{Judgement, Stop, expect};
    pub(super) use crate::profile::Profile;
    pub(super) use crate::stage::{Answer, Attachment, NETWORK, Stage, StandIn, bare};
}

const AREAS: [&[Case]; 14] = [
    execution::CASES,
    environment::CASES,
    version::CASES,
    add::CASES,
    result::CASES,
    chain::CASES,
    del::CASES,
    check::CASES,
    gc::CASES,
    status::CASES,
    delegate::CASES,
    capability::CASES,
    config::CASES,
    concurrency::CASES,
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
