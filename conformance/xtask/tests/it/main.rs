//! Tests of xtask, of the READMEs, and of the plugin that `cargo xtask new-plugin` creates.

mod closed_pipe;
mod language;
#[cfg(feature = "host-tests")]
mod new_plugin;
mod published;
mod readme;
