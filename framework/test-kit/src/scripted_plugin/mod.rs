//! The scripted plugin: its scripts, the records of its calls, and directories of scripted plugins.

pub(crate) mod plugin_dir;
pub(crate) mod record;
pub(crate) mod script;
