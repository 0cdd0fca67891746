//! Tests of the READMEs, and of the plugin that `cargo xtask new-plugin` creates.

mod language;
#[cfg(feature = "host-tests")]
mod new_plugin;
mod published;
mod readme;
