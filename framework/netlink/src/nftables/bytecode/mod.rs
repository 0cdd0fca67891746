//! Rules as the kernel executes them: compiles statements to expressions and back.

mod action;
pub(super) mod anonymous_set;
pub(super) mod compile;
mod decompile;
pub(super) mod selector;
