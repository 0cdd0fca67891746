//! Sandboxes: namespaces in which a disposable host lives.

pub(crate) mod bind_mounts;
pub(crate) mod enter;
pub(crate) mod init;
pub(crate) mod netns;
pub(crate) mod ruleset_cache;
