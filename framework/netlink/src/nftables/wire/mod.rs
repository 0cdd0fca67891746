//! The netlink representation of nf_tables objects.

pub(super) mod bytes;
pub(super) mod decode;
pub(super) mod encode;
mod number;
pub(super) mod uapi;
