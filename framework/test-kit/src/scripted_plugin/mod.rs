//! The plugin that behaves as a script says: its scripts, the records of its calls, and directories
//! of it.

pub(crate) mod plugin_dir;
pub(crate) mod record;
pub(crate) mod script;
