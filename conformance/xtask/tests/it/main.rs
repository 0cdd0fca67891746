//! What people read and copy: the READMEs, and the plugin that `cargo xtask new-plugin` creates.

#[cfg(feature = "host-tests")]
mod new_plugin;
mod readme;
