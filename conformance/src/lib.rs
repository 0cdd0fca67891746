//! Checks any CNI plugin binary, in whatever language, against the specification.
//!
//! A plugin is started exactly as a runtime would start it, on a disposable host in its own
//! namespaces. Its output is compared with the requirements and with the state of the kernel.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | the requirements, each with a stable id; a case and a mutant for each | [`spec`] |
//! | 2 | what a case works on: a host, containers, attachments, calls, snapshots | [`fixture`] |
//! | 3 | the [`Verdict`], from the result of a case and the [`severity`] | [`verdict`] |
//! | 4 | all cases are [`run`] on a [`Subject`], in every version that it claims | [`run`] |
//! | 5 | reports for people and machines | [`report`] |
//!
//! It also has emulators of the [`runtime`]s libcni and Mesos, which drive whole lifecycles of
//! attachments, and it [`replay`]s recorded calls with another plugin.
//! A plugin's author adds its conformance to `cargo test` with a few lines: [`check`].

mod check;
pub mod exchange;
pub mod fixture;
mod profile;
pub mod replay;
pub mod report;
mod rootless;
pub mod run;
pub mod runtime;
pub mod severity;
pub mod spec;
mod subject;
mod threads;
pub mod validate;
pub mod verdict;
pub mod verdicts;
mod wait;

pub use check::{Check, check};
pub use profile::Profile;
pub use rootless::rootless;
pub use spec::case::Case;
pub use subject::{Subject, delegates::SelectableDelegate};
pub use verdict::Verdict;
