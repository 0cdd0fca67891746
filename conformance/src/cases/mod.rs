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

/// All cases.
pub fn all() -> impl Iterator<Item = &'static Case> {
    AREAS.into_iter().flatten()
}

/// The case of this id.
pub fn find(id: &str) -> Option<&'static Case> {
    all().find(|case| case.id == id)
}
