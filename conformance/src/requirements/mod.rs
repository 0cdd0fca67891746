//! The requirements as data: one table for each area of the specification.

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
mod requirement;
mod result;
mod status;
mod version;

pub use requirement::{Requirement, Section, Severity};

/// What the tables are written with.
mod words {
    pub(super) use cni_wrapper::SpecVersion::{
        V0_1_0, V0_2_0, V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0,
    };
    pub(super) use cni_wrapper::Verb::{Add, Check, Del, Gc, Status, Version};

    pub(super) use super::requirement::Section::{
        Configuration, Conventions, Delegation, Execution, Practice, Results, Runtime,
    };
    pub(super) use super::requirement::Severity::{Must, Should};
    pub(super) use super::requirement::{Requirement, convention, must, should, stricter};
    pub(super) use crate::profile::Profile::{Chained, Interface, Ipam, Wrapper};
}

const AREAS: [&[Requirement]; 14] = [
    execution::TABLE,
    environment::TABLE,
    version::TABLE,
    add::TABLE,
    result::TABLE,
    chain::TABLE,
    del::TABLE,
    check::TABLE,
    gc::TABLE,
    status::TABLE,
    delegate::TABLE,
    capability::TABLE,
    config::TABLE,
    concurrency::TABLE,
];

/// All requirements, in the order of reports.
pub fn all() -> impl Iterator<Item = &'static Requirement> {
    AREAS.into_iter().flatten()
}

/// The requirement with this id or code (`del.twice-succeeds`, `DEL-02`).
pub fn find(name: &str) -> Option<&'static Requirement> {
    all().find(|requirement| requirement.id == name || requirement.code == name)
}
