//! Judges any CNI plugin binary, in whatever language, against the specification.
//!
//! A plugin is started exactly as a runtime would start it, on a throw-away host in namespaces of its own; what it says
//! is compared with the requirements and with what the kernel shows.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | the requirements as data, each with a stable id in words | [`requirements`] |
//! | 2 | a [`Case`] puts one requirement to the test | [`cases`] |
//! | 3 | it works on a [`stage::Stage`]: a host, containers, attachments, calls, pictures of the kernel | [`stage`] |
//! | 4 | it comes to a [`Judgement`], which with the requirement's weight is a [`Verdict`] | [`judgement`] |
//! | 5 | all cases are [`run`] on a [`Subject`], for every version that it claims | [`run`] |
//! | 6 | reports for people and machines | [`report`] |
//!
//! Beside that it plays the [`runtime`]: whole lives of attachments as libcni and Mesos drive them; and it makes recorded
//! calls again with another plugin: [`replay`].
//! The author of a plugin has its conformance in `cargo test` with a few lines: [`check`].

mod case;
pub mod cases;
mod check;
pub mod exchange;
pub mod judgement;
mod process;
mod profile;
pub mod replay;
pub mod report;
pub mod requirements;
mod rootless;
pub mod run;
pub mod runtime;
pub mod stage;
mod subject;
pub mod validate;
pub mod verdicts;

pub use case::Case;
pub use check::{Check, check};
pub use judgement::{Judgement, Verdict};
pub use profile::Profile;
pub use rootless::rootless;
pub use subject::Subject;
