//! Sandboxes: the namespaces in which a disposable host lives, and ways to enter them.

pub(crate) mod bind_mounts;
pub(crate) mod enter;
pub(crate) mod init;
pub(crate) mod mounts;
pub(crate) mod netns;
pub(crate) mod prepare;
pub(crate) mod program;
pub(crate) mod ruleset_cache;
