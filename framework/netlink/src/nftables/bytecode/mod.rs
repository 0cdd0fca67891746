//! What a rule is for the kernel: a list of expressions that work on registers.

pub(super) mod anonymous_set;
pub(super) mod compile;
mod decompile;
pub(super) mod selector;
