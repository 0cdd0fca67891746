//! Tests of the READMEs, and of the plugin that `cargo xtask new-plugin` creates.

#[cfg(feature = "host-tests")]
mod new_plugin;
mod readme;
