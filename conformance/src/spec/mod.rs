//! The specification as a test suite: for each of its areas the requirements, the cases that test
//! them, and the mutants that prove the cases.
//!
//! | | what | where |
//! |---|---|---|
//! | 1 | the requirements of an area, as data with stable ids | `AREA/requirements.rs` |
//! | 2 | a [`case::Case`] for each requirement that can be tested from outside | `AREA/cases.rs` |
//! | 3 | a [`mutant::Mutant`] for each case, which the case must fail | `AREA/mutants.rs` |
//! | 4 | the catalogues over all areas | [`requirements`], [`cases`], [`mutants`] |

pub mod case;
pub mod cases;
pub mod mutant;
pub mod mutants;
mod prelude;
pub mod requirement;
pub mod requirements;
pub mod sentence;
mod support;
pub mod text;
mod vocabulary;

/// Execution, streams and errors.
mod execution {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// The environment variables of a call.
mod environment {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// Versions of the specification.
mod version {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// ADD.
mod add {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// The shape of results.
mod result {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// Chained plugins and `prevResult`.
mod chain {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// DEL.
mod del {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// CHECK.
mod check {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// GC.
mod gc {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// STATUS.
mod status {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// Plugins that run other plugins.
mod delegate {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// Capabilities and arguments from the runtime.
mod capability {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// The network configuration.
mod config {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}

/// Concurrent and interrupted calls.
mod concurrency {
    pub(super) mod cases;
    pub(super) mod mutants;
    pub(super) mod requirements;
}
