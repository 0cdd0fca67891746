//! All integration tests of this crate, as one binary. They require what a `Host` requires: root,
//! or a kernel that lets users create user namespaces.

mod bridge;
mod call;
mod fault;
mod host;
mod reuse;
mod scripted_plugin;
mod traffic;
